#include "control.h"

#include "clock.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

void control_open(struct control *control, struct link *link, int in, int out)
{
	*control = (struct control){.link = link, .in = in, .out = out};
}

/* Writes the pending answer if that does not block. Whoever closed the other end gets no more answers. */
static void flush(struct control *control)
{
	struct pollfd out = {.fd = control->out, .events = POLLOUT};
	ssize_t written;

	if (control->pending == 0 || poll(&out, 1, 0) <= 0)
		return;
	written = write(control->out, control->answer, control->pending);
	if (written < 0) {
		if (errno != EAGAIN && errno != EINTR)
			control->quit = true;
		return;
	}
	control->pending -= (size_t)written;
	memmove(control->answer, control->answer + written, control->pending);
}

void control_send(struct control *control, struct json *json)
{
	if (json->overflow) {
		struct problem problem;

		(void)problem_set(&problem, "line", "a longer one", "an answer of less than %d bytes", ANSWER_SIZE);
		json_begin(json, control->answer, ANSWER_SIZE - 1);
		report_problem(json, &problem);
	}
	control->answer[json->used] = '\n';
	control->pending = json->used + 1;
	flush(control);
}

static void send_problem(struct control *control, const struct problem *problem)
{
	struct json json;

	json_begin(&json, control->answer, ANSWER_SIZE - 1);
	report_problem(&json, problem);
	control_send(control, &json);
}

static void send_done(struct control *control)
{
	struct json json;

	report_begin(&json, control->answer, ANSWER_SIZE - 1);
	report_end(&json);
	control_send(control, &json);
}

static void send_stats(struct control *control)
{
	struct json json;

	report_begin(&json, control->answer, ANSWER_SIZE - 1);
	report_stats(&json, control->link, clock_now());
	report_end(&json);
	control_send(control, &json);
}

static void send_settings(struct control *control)
{
	struct json json;

	report_begin(&json, control->answer, ANSWER_SIZE - 1);
	report_settings(&json, control->link);
	report_end(&json);
	control_send(control, &json);
}

/* Length of the UTF-8 character at text, or 0 for anything that is not one or is a control character. */
static size_t character_length(const unsigned char *text)
{
	size_t length = text[0] < 0x80 ? 1 : text[0] < 0xc2 ? 0 : text[0] < 0xe0 ? 2 : text[0] < 0xf0 ? 3 : 4;

	if (length == 1)
		return (text[0] >= ' ' && text[0] != 0x7f) || text[0] == '\t';
	if (text[0] > 0xf4)
		return 0;
	for (size_t i = 1; i < length; i++) {
		if ((text[i] & 0xc0) != 0x80)
			return 0;
	}
	return length;
}

static bool check_text(const char *line, size_t length, struct problem *problem)
{
	const unsigned char *text = (const unsigned char *)line;
	size_t at = 0;

	while (at < length) {
		size_t step = character_length(text + at);

		if (step == 0)
			return problem_set(problem, "line", "another byte", "UTF-8 text without control characters");
		at += step;
	}
	return true;
}

static void obey(struct control *control, char *line, size_t length)
{
	struct problem problem;
	bool done;

	if (!check_text(line, length, &problem)) {
		send_problem(control, &problem);
	} else if (strcmp(line, "stats") == 0) {
		send_stats(control);
	} else if (strcmp(line, "show") == 0) {
		send_settings(control);
	} else if (strcmp(line, "quit") == 0) {
		send_done(control);
		control->quit = true;
	} else {
		if (strcmp(line, "down") == 0 || strcmp(line, "up") == 0)
			done = link_set_down(control->link, line[0] == 'd', clock_now(), &problem);
		else
			done = link_change(control->link, line, clock_now(), &problem);
		if (done)
			send_done(control);
		else
			send_problem(control, &problem);
	}
}

/* Takes the first line out of the buffer; at its end, size counts its newline. */
static void obey_first(struct control *control, size_t size)
{
	char line[LINE_SIZE];
	bool too_long = control->too_long;

	memcpy(line, control->line, size);
	line[size - 1] = '\0';
	control->used -= size;
	memmove(control->line, control->line + size, control->used);
	control->too_long = false;
	if (too_long) {
		struct problem problem;

		(void)problem_set(&problem, "line", "a longer one", "a line of less than %d bytes", LINE_SIZE);
		send_problem(control, &problem);
	} else {
		if (size > 1 && line[size - 2] == '\r')
			line[--size - 1] = '\0';
		obey(control, line, size - 1);
	}
}

static void obey_complete_lines(struct control *control)
{
	char *newline;

	while (control->pending == 0 && !control->quit &&
	       (newline = memchr(control->line, '\n', control->used)))
		obey_first(control, (size_t)(newline - control->line) + 1);
	if (control->used == LINE_SIZE && !memchr(control->line, '\n', control->used)) {
		control->too_long = true;
		control->used = 0;
	}
	/* With an answer unsent the lines before the end of input are still to be answered. */
	if (control->ended && control->pending == 0)
		control->quit = true;
}

void control_writable(struct control *control)
{
	flush(control);
	obey_complete_lines(control);
}

/* The last line may lack its newline. There is room: what is read is at most a line without one. */
static void end_input(struct control *control)
{
	control->ended = true;
	if (control->too_long || (control->used > 0 && control->line[control->used - 1] != '\n'))
		control->line[control->used++] = '\n';
}

void control_readable(struct control *control)
{
	ssize_t length = read(control->in, control->line + control->used, LINE_SIZE - control->used);

	if (length > 0)
		control->used += (size_t)length;
	else if (length == 0 || (errno != EAGAIN && errno != EINTR))
		end_input(control);
	obey_complete_lines(control);
}
