/* The words of settings.h. */
#include "settings.h"

#include "units.h"

#include <string.h>

#define SPACES " \t"

/* The next word of the text, or NULL. */
static char *next_word(char **rest)
{
	char *word = *rest + strspn(*rest, SPACES);
	size_t length = strcspn(word, SPACES);

	if (length == 0)
		return NULL;
	*rest = word + length;
	if (**rest != '\0')
		*(*rest)++ = '\0';
	return word;
}

/* A value's first word; without one, an empty string, which no value is. */
static const char *next_value(char **rest)
{
	const char *word = next_word(rest);

	return word ? word : "";
}

/* The next word if it is a number: values that may be left out are told from the next setting's name by this. */
static const char *next_number(char **rest)
{
	const char *word = *rest + strspn(*rest, SPACES);

	return strchr("-.0123456789", *word) && *word != '\0' ? next_word(rest) : NULL;
}

/* Takes the next word if it is this one. */
static bool take(char **rest, const char *word)
{
	char *start = *rest + strspn(*rest, SPACES);

	if (strcspn(start, SPACES) != strlen(word) || strncmp(start, word, strlen(word)) != 0)
		return false;
	(void)next_word(rest);
	return true;
}

static bool parse_rate(char **rest, struct settings *to, struct problem *problem)
{
	trace_release(to->trace);
	to->trace = NULL;
	to->rate = 0;
	return take(rest, "none") || units_rate("rate", next_value(rest), &to->rate, problem);
}

/* The rest of the line, so that file names may contain spaces. */
static bool parse_trace(char **rest, struct settings *to, struct problem *problem)
{
	char *path = *rest + strspn(*rest, SPACES);
	size_t length = strlen(path);

	while (length > 0 && strchr(SPACES, path[length - 1]))
		path[--length] = '\0';
	*rest = path + length;
	if (length == 0)
		return problem_set(problem, "trace", "", "a file name, or none");
	trace_release(to->trace);
	to->trace = NULL;
	to->rate = 0;
	if (strcmp(path, "none") == 0)
		return true;
	to->trace = trace_load(path, problem);
	return to->trace != NULL;
}

static bool parse_delay(char **rest, struct settings *to, struct problem *problem)
{
	return units_duration("delay", next_value(rest), &to->delay, problem);
}

static bool parse_jitter(char **rest, struct settings *to, struct problem *problem)
{
	if (!units_duration("jitter", next_value(rest), &to->jitter.size, problem))
		return false;
	to->jitter.kind = take(rest, "normal") ? JITTER_NORMAL : JITTER_UNIFORM;
	/* The default's name may be written too. */
	if (to->jitter.kind == JITTER_UNIFORM)
		(void)take(rest, "uniform");
	return true;
}

static bool parse_gilbert(char **rest, struct loss *loss, struct problem *problem)
{
	const char *in_bad, *in_good;

	*loss = (struct loss){.kind = LOSS_GILBERT, .in_bad = 1};
	if (!units_percent("loss", next_value(rest), &loss->p, problem) ||
	    !units_percent("loss", next_value(rest), &loss->r, problem))
		return false;
	in_bad = next_number(rest);
	if (in_bad && !units_percent("loss", in_bad, &loss->in_bad, problem))
		return false;
	in_good = in_bad ? next_number(rest) : NULL;
	return !in_good || units_percent("loss", in_good, &loss->in_good, problem);
}

static bool parse_loss(char **rest, struct settings *to, struct problem *problem)
{
	if (take(rest, "gilbert"))
		return parse_gilbert(rest, &to->loss, problem);
	to->loss = (struct loss){.kind = LOSS_RANDOM};
	return take(rest, "none") || units_percent("loss", next_value(rest), &to->loss.probability, problem);
}

/* "100p" or a size in bytes. */
static bool parse_queue(char **rest, struct settings *to, struct problem *problem)
{
	char packets[24] = "";
	const char *text;
	size_t digits;
	int64_t count;

	to->queue_unit = QUEUE_PACKETS;
	to->queue_limit = UINT64_MAX;
	if (take(rest, "none"))
		return true;
	text = next_value(rest);
	digits = strspn(text, "0123456789");
	if (digits > 0 && digits < sizeof(packets) && strcmp(text + digits, "p") == 0) {
		memcpy(packets, text, digits);
		if (units_integer("queue", packets, 1, INT64_MAX, &count, problem)) {
			to->queue_limit = (uint64_t)count;
			return true;
		}
	} else {
		to->queue_unit = QUEUE_BYTES;
		if (units_bytes("queue", text, &to->queue_limit, problem))
			return true;
	}
	return problem_set(problem, "queue", text, "packets such as 100p, a size such as 64kb, or none");
}

static bool parse_reorder(char **rest, struct settings *to, struct problem *problem)
{
	return units_percent("reorder", next_value(rest), &to->reorder, problem);
}

static bool parse_order(char **rest, struct settings *to, struct problem *problem)
{
	to->keep_order = take(rest, "keep");
	return to->keep_order || take(rest, "free") ||
	       problem_set(problem, "order", next_value(rest), "keep or free");
}

static bool parse_overhead(char **rest, struct settings *to, struct problem *problem)
{
	int64_t bytes;

	if (!units_integer("overhead", next_value(rest), -1000, 1000, &bytes, problem))
		return false;
	to->overhead = (int)bytes;
	return true;
}

static const struct {
	const char *word;
	enum settings_field field;
	bool (*parse)(char **rest, struct settings *to, struct problem *problem);
} words[] = {
	{"rate", FIELD_RATE, parse_rate},
	{"trace", FIELD_RATE, parse_trace},
	{"delay", FIELD_DELAY, parse_delay},
	{"jitter", FIELD_JITTER, parse_jitter},
	{"loss", FIELD_LOSS, parse_loss},
	{"queue", FIELD_QUEUE, parse_queue},
	{"reorder", FIELD_REORDER, parse_reorder},
	{"order", FIELD_ORDER, parse_order},
	{"overhead", FIELD_OVERHEAD, parse_overhead},
};

static bool parse_setting(char **rest, const char *word, struct settings_change *change, struct problem *problem)
{
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(word, words[i].word) != 0)
			continue;
		if (change->fields & words[i].field)
			return problem_set(problem, word, word, "each setting once, and either rate or trace");
		change->fields |= words[i].field;
		return words[i].parse(rest, &change->to, problem);
	}
	return problem_set(problem, "line", word,
	                   "rate, delay, jitter, loss, queue, reorder, order, overhead, trace, down, up, show, stats "
	                   "or quit");
}

bool settings_parse(char *text, struct settings_change *change, struct problem *problem)
{
	char *rest = text;
	const char *word;

	*change = (struct settings_change){.fields = 0};
	while ((word = next_word(&rest))) {
		if (!parse_setting(&rest, word, change, problem))
			return false;
	}
	return change->fields != 0 || problem_set(problem, "line", "", "a setting such as delay 50ms");
}
