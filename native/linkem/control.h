/*
 * The control protocol: one command a line on standard input, one line of JSON for each on
 * standard output. The link never waits for whoever reads the answers.
 */
#ifndef LINKEM_CONTROL_H
#define LINKEM_CONTROL_H

#include "link.h"
#include "report.h"

/* With its newline. */
#define LINE_SIZE 1024
/* PIPE_BUF of Linux: a pipe that is ready takes an answer of this size without blocking, in one piece. */
#define ANSWER_SIZE 4096

struct control {
	struct link *link;
	int in, out;
	char line[LINE_SIZE];
	/* Bytes in line; more may be in it than the one being read. */
	size_t used;
	/* The line read is longer than LINE_SIZE: its rest goes unread. */
	bool too_long;
	/* Nothing more will come from in. */
	bool ended;
	/* The command quit was answered, or nobody is there any more. */
	bool quit;
	char answer[ANSWER_SIZE];
	size_t pending;
};

void control_open(struct control *control, struct link *link, int in, int out);
/* Takes answer as written by the caller (control->answer, with json) and sends it when possible. */
void control_send(struct control *control, struct json *json);
/* Writes the pending answer, which out is ready to take, and goes on with the lines already read. */
void control_writable(struct control *control);
/* Reads from in, which is ready, and answers the lines that are complete. */
void control_readable(struct control *control);

#endif
