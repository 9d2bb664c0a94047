#include "settings.h"

void settings_default(struct settings *settings)
{
	*settings = (struct settings){
		.queue_unit = QUEUE_PACKETS, .queue_limit = DEFAULT_QUEUE_PACKETS, .keep_order = true};
}

void settings_release(struct settings_change *change)
{
	trace_release(change->to.trace);
	change->to.trace = NULL;
}

void settings_apply(struct settings *settings, const struct settings_change *change)
{
	const struct settings *to = &change->to;

	if (change->fields & FIELD_RATE) {
		trace_release(settings->trace);
		settings->trace = trace_hold(to->trace);
		settings->rate = to->rate;
	}
	if (change->fields & FIELD_DELAY)
		settings->delay = to->delay;
	if (change->fields & FIELD_JITTER)
		settings->jitter = to->jitter;
	if (change->fields & FIELD_LOSS)
		settings->loss = to->loss;
	if (change->fields & FIELD_QUEUE) {
		settings->queue_unit = to->queue_unit;
		settings->queue_limit = to->queue_limit;
	}
	if (change->fields & FIELD_REORDER)
		settings->reorder = to->reorder;
	if (change->fields & FIELD_ORDER)
		settings->keep_order = to->keep_order;
	if (change->fields & FIELD_OVERHEAD)
		settings->overhead = to->overhead;
}
