/* The chunked transfer coding, a byte at a time but for the data. */
#include <string.h>

#include "chunked.h"

/* Digits of a size: 64 bits have 16. */
#define DIGITS_MAX 16u
/* A chunk's line with its extensions. */
#define LINE_MAX_BYTES 4096u
/* All trailers together. */
#define TRAILERS_MAX (16u * 1024)

enum state {
	SIZE,         /* the first digit of a size */
	MORE_SIZE,    /* a further one, or what follows it */
	PADDING,      /* blanks behind a size: an extension follows, or the line's end */
	EXTENSION,
	SIZE_LF,      /* the CR of a chunk's line has come */
	DATA,
	DATA_CR,
	DATA_LF,
	TRAILER,      /* the first byte of a trailer's line */
	TRAILER_NAME,
	TRAILER_VALUE,
	TRAILER_LF,
	LAST_LF,
	WRONG,
	END,
};

void chunked_begin(struct chunked *chunked, bool decode, bool padded)
{
	*chunked = (struct chunked){ .state = SIZE, .decode = decode, .padded = padded };
}

static int digit(uint8_t byte)
{
	if (byte >= '0' && byte <= '9')
		return byte - '0';
	if (byte >= 'a' && byte <= 'f')
		return byte - 'a' + 10;
	if (byte >= 'A' && byte <= 'F')
		return byte - 'A' + 10;
	return -1;
}

/* RFC 9110 §5.6.2. */
static bool is_token(uint8_t byte)
{
	return (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
	       (byte != '\0' && strchr("!#$%&'*+-.^_`|~", byte) != NULL);
}

/* RFC 9110 §5.5: VCHAR, obs-text, space and tab. */
static bool is_text(uint8_t byte)
{
	return byte == '\t' || (byte >= 0x20 && byte != 0x7f);
}

static enum state after_size(const struct chunked *chunked, uint8_t byte)
{
	if (byte == '\r')
		return chunked->state == MORE_SIZE || chunked->padded ? SIZE_LF : WRONG;
	if (byte == ';')
		return EXTENSION;
	return byte == ' ' || byte == '\t' ? PADDING : WRONG;
}

static enum state size_byte(struct chunked *chunked, uint8_t byte)
{
	int value = digit(byte);
	if (value < 0)
		return chunked->state == SIZE ? WRONG : after_size(chunked, byte);
	if (chunked->line > DIGITS_MAX)
		return WRONG;
	chunked->left = chunked->left << 4 | (uint64_t)value;
	return MORE_SIZE;
}

static enum state trailer_start(uint8_t byte)
{
	if (byte == '\r')
		return LAST_LF;
	return is_token(byte) ? TRAILER_NAME : WRONG;
}

static enum state trailer_byte(const struct chunked *chunked, uint8_t byte)
{
	if (chunked->state == TRAILER_NAME)
		return byte == ':' ? TRAILER_VALUE : is_token(byte) ? TRAILER_NAME : WRONG;
	if (byte == '\r')
		return TRAILER_LF;
	return is_text(byte) ? TRAILER_VALUE : WRONG;
}

/* The state after a byte that is not data. */
static enum state next_state(struct chunked *chunked, uint8_t byte)
{
	switch ((enum state)chunked->state) {
	case SIZE:
	case MORE_SIZE:
		return size_byte(chunked, byte);
	case PADDING:
		return after_size(chunked, byte);
	case EXTENSION:
		return byte == '\r' ? SIZE_LF : is_text(byte) ? EXTENSION : WRONG;
	case SIZE_LF:
		chunked->line = 0;
		return byte != '\n' ? WRONG : chunked->left > 0 ? DATA : TRAILER;
	case DATA_CR:
		return byte == '\r' ? DATA_LF : WRONG;
	case DATA_LF:
		chunked->line = 0;
		return byte == '\n' ? SIZE : WRONG;
	case TRAILER:
		return trailer_start(byte);
	case TRAILER_NAME:
	case TRAILER_VALUE:
		return trailer_byte(chunked, byte);
	case TRAILER_LF:
		return byte == '\n' ? TRAILER : WRONG;
	case LAST_LF:
		return byte == '\n' ? END : WRONG;
	default:
		return WRONG;
	}
}

static bool too_long(const struct chunked *chunked)
{
	bool trailers = chunked->state >= TRAILER && chunked->state <= LAST_LF;
	return chunked->line > (trailers ? TRAILERS_MAX : LINE_MAX_BYTES);
}

/* Passes over what there is of a chunk's data, which begins at data[at]; returns how much that is. */
static size_t pass_data(struct chunked *chunked, uint8_t *data, size_t at, size_t length, size_t *kept)
{
	size_t count = length - at < chunked->left ? length - at : (size_t)chunked->left;
	if (chunked->decode) {
		memmove(data + *kept, data + at, count);
		*kept += count;
	}
	chunked->left -= count;
	if (chunked->left == 0)
		chunked->state = DATA_CR;
	return count;
}

enum chunked_result chunked_read(struct chunked *chunked, uint8_t *data, size_t length, size_t *used,
                                 size_t *kept)
{
	size_t at = 0;
	*used = *kept = 0;
	while (at < length && chunked->state != END && chunked->state != WRONG) {
		if (chunked->state == DATA) {
			at += pass_data(chunked, data, at, length, kept);
			continue;
		}
		chunked->line++;
		chunked->state = (uint8_t)next_state(chunked, data[at++]);
		if (too_long(chunked))
			chunked->state = WRONG;
	}
	if (chunked->state == WRONG) {
		*kept = 0;
		return CHUNKED_WRONG;
	}
	*used = at;
	if (!chunked->decode)
		*kept = at;
	return chunked->state == END ? CHUNKED_END : CHUNKED_MORE;
}
