/*
 * What native/chunked.c makes of bodies: each line of the input is flags (d decode, p padded, - none) and a
 * body in hexadecimal; the answer is the result, how much belongs to the message, and what is passed on.
 * Each body is read whole, byte by byte, and cut in two at every place: all must agree.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../../native/chunked.h"

struct outcome {
	enum chunked_result result;
	size_t used, kept;
	unsigned char *data; /* what is passed on; freed by the caller */
};

/* Memory of exactly the piece's size, so that a sanitizer sees every step beyond it. */
static enum chunked_result read_piece(struct chunked *chunked, const unsigned char *bytes, size_t length,
                                      struct outcome *outcome)
{
	unsigned char *piece = malloc(length > 0 ? length : 1);
	size_t used, kept;
	memcpy(piece, bytes, length);
	enum chunked_result result = chunked_read(chunked, piece, length, &used, &kept);
	memcpy(outcome->data + outcome->kept, piece, kept);
	outcome->used += used;
	outcome->kept += kept;
	free(piece);
	return result;
}

/* Cuts: 0 for none, SIZE_MAX for every byte, else one after so many bytes. */
static struct outcome read_body(const char *flags, const unsigned char *bytes, size_t length, size_t cut)
{
	struct chunked chunked;
	struct outcome outcome = { .result = CHUNKED_MORE, .data = malloc(length + 1) };
	chunked_begin(&chunked, strchr(flags, 'd') != NULL, strchr(flags, 'p') != NULL);
	for (size_t at = 0, piece; at < length && outcome.result == CHUNKED_MORE; at += piece) {
		piece = cut == SIZE_MAX ? 1 : at < cut ? cut : length - at;
		outcome.result = read_piece(&chunked, bytes + at, piece, &outcome);
	}
	return outcome;
}

static int differ(const struct outcome *a, const struct outcome *b)
{
	if (a->result != b->result)
		return 1;
	if (a->result == CHUNKED_WRONG)
		return 0; /* how much came before depends on the cuts */
	return a->used != b->used || a->kept != b->kept || memcmp(a->data, b->data, a->kept) != 0;
}

static void answer(const char *flags, const unsigned char *bytes, size_t length)
{
	static const char *const names[] = { "more", "end", "wrong" };
	struct outcome whole = read_body(flags, bytes, length, 0);
	for (size_t cut = 1; cut <= length; cut++) {
		struct outcome other = read_body(flags, bytes, length, cut == length ? SIZE_MAX : cut);
		if (differ(&whole, &other)) {
			fprintf(stderr, "cut after %zu: another result\n", cut);
			exit(1);
		}
		free(other.data);
	}
	printf("%s %zu ", names[whole.result], whole.used);
	for (size_t i = 0; i < whole.kept; i++)
		printf("%02x", whole.data[i]);
	printf("\n");
	free(whole.data);
}

int main(void)
{
	static char line[1 << 16];
	static unsigned char bytes[1 << 15];
	while (fgets(line, sizeof line, stdin) != NULL) {
		char *hex = strchr(line, ' ');
		size_t length = 0;
		unsigned value;
		if (hex == NULL)
			return 1;
		*hex++ = '\0';
		for (; sscanf(hex, "%2x", &value) == 1; hex += 2)
			bytes[length++] = (unsigned char)value;
		answer(line, bytes, length);
	}
	return 0;
}
