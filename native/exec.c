/*
 * Becomes another program that cannot ask for TCP Fast Open. The first listener of a network
 * namespace that asks makes the kernel draw net.ipv4.tcp_fastopen_key (tcp_fastopen_init_key_once,
 * net/ipv4/tcp_fastopen.c), which nothing takes back; and dnsmasq has no option not to ask.
 */
#include "common.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* More than any command line of ours. */
#define WORDS_MOST 256
#define WORD_MOST 4096

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#elif defined(__arm__)
#define ARCHITECTURE AUDIT_ARCH_ARM
#elif defined(__riscv) && __riscv_xlen == 64
#define ARCHITECTURE AUDIT_ARCH_RISCV64
#endif

#ifdef ARCHITECTURE
/* The low half of a 64-bit system call argument: all these architectures are little endian. */
#define ARGUMENT(n) (uint32_t)(offsetof(struct seccomp_data, args) + sizeof(uint64_t) * (n))
#define LOAD(offset) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)(offset))
/* Goes on when it is value, otherwise skips so many instructions. */
#define UNLESS(value, skip) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (value), 0, (skip))

/* setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN, …) answers as on a kernel that does not know it. */
static int deny_fast_open(void)
{
	struct sock_filter filter[] = {
	    LOAD(offsetof(struct seccomp_data, arch)),
	    UNLESS(ARCHITECTURE, 7),
	    LOAD(offsetof(struct seccomp_data, nr)),
	    UNLESS(__NR_setsockopt, 5),
	    LOAD(ARGUMENT(1)),
	    UNLESS(IPPROTO_TCP, 3),
	    LOAD(ARGUMENT(2)),
	    UNLESS(TCP_FASTOPEN, 1),
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOPROTOOPT),
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {.len = sizeof(filter) / sizeof(filter[0]), .filter = filter};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -1;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}
#else
/* The program works all the same; only the key is drawn. */
static int deny_fast_open(void)
{
	return 0;
}
#endif

/* Of all that a program gets from the one before it, Node changes these. */
static int hand_on(void)
{
	sigset_t none;

	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_SETFD, 0) < 0 && errno != EBADF)
			return -1;
	if (signal(SIGPIPE, SIG_DFL) == SIG_ERR || sigemptyset(&none) < 0)
		return -1;
	return sigprocmask(SIG_SETMASK, &none, NULL);
}

static void free_words(char **words)
{
	for (char **word = words; *word; word++)
		free(*word);
	free(words);
}

static bool get_word(napi_env env, napi_value list, uint32_t index, char **out)
{
	napi_value value;

	MPTK_NAPI(env, napi_get_element(env, list, index, &value));
	*out = calloc(1, WORD_MOST);
	if (!*out)
		return mptk_throw_errno(env, ENOMEM, "execve", NULL);
	return mptk_get_string(env, value, "argv", *out, WORD_MOST);
}

/* NULL-terminated, to be freed with free_words; NULL with an exception pending. */
static char **get_words(napi_env env, napi_value list)
{
	uint32_t count = 0;
	bool is_list = false;

	MPTK_NAPI(env, napi_is_array(env, list, &is_list));
	if (is_list)
		MPTK_NAPI(env, napi_get_array_length(env, list, &count));
	if (count == 0 || count > WORDS_MOST) {
		(void)mptk_throw_argument(env, "argv", "a list of 1 to 256 words");
		return NULL;
	}
	char **words = calloc(count + 1, sizeof(*words));
	if (!words) {
		(void)mptk_throw_errno(env, ENOMEM, "execve", NULL);
		return NULL;
	}
	for (uint32_t i = 0; i < count; i++) {
		if (get_word(env, list, i, &words[i]))
			continue;
		free_words(words);
		return NULL;
	}
	return words;
}

/* execWithoutFastOpen(argv): argv[0] is a path. Returns only by throwing. */
static napi_value js_exec(napi_env env, napi_callback_info info)
{
	napi_value list;

	if (!mptk_get_arguments(env, info, 1, &list))
		return NULL;
	char **words = get_words(env, list);
	if (!words)
		return NULL;
	const char *failed = "prctl";
	if (deny_fast_open() == 0 && hand_on() == 0) {
		failed = "execve";
		(void)execve(words[0], words, environ);
	}
	(void)mptk_throw_errno_about(env, errno, failed, words[0], NULL);
	free_words(words);
	return NULL;
}

bool mptk_exec_init(napi_env env, napi_value exports)
{
	return mptk_export(env, exports, "execWithoutFastOpen", js_exec);
}
