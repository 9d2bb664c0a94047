/* The answers of the control protocol, one JSON object each. */
#ifndef LINKEM_REPORT_H
#define LINKEM_REPORT_H

#include "json.h"
#include "link.h"
#include "problem.h"

/* {"ok":false,"error":{"field","expected","found","message"}} */
void report_problem(struct json *json, const struct problem *problem);
/* {"ok":true} and, between begin and end, more members. */
void report_begin(struct json *json, char *text, size_t size);
void report_end(struct json *json);
/* Member "stats": what became of the packets of each direction. */
void report_stats(struct json *json, const struct link *link, uint64_t now);
/* Member "settings": those in force in each direction. */
void report_settings(struct json *json, const struct link *link);
/* Member "ready": the devices and how the link runs. */
void report_ready(struct json *json, const struct link *link, int mtu, uint64_t seed, bool realtime);

#endif
