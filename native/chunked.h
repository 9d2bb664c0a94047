/*
 * The chunked transfer coding (RFC 9112 §7.1), read piece by piece to find where a message ends.
 * As strict as the grammar, for a difference of opinion about an end is how requests are smuggled:
 * no bare CR or LF, no signs, no more digits than a size can have, trailers that are right fields.
 */
#ifndef MPTK_CHUNKED_H
#define MPTK_CHUNKED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct chunked {
	uint64_t left;   /* of the chunk at hand, bytes */
	uint32_t line;   /* bytes of the line at hand, or of all trailers */
	uint8_t state;   /* see chunked.c */
	bool decode;     /* keep the data alone */
	bool padded;     /* blanks between a size and its line's end are passed over: some servers send them */
};

enum chunked_result {
	CHUNKED_MORE,  /* the message goes on */
	CHUNKED_END,   /* and this was its end */
	CHUNKED_WRONG, /* this cannot be read with certainty */
};

void chunked_begin(struct chunked *chunked, bool decode, bool padded);

/*
 * Reads the next bytes. *used of them belong to the message: all, unless it ends. The first *kept
 * bytes at `data` are what to pass on: the same, or with `decode` the data moved together. Both are
 * 0 when the result is CHUNKED_WRONG.
 */
enum chunked_result chunked_read(struct chunked *chunked, uint8_t *data, size_t length, size_t *used,
                                 size_t *kept);

#endif
