/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/proxy/leaving.h"

#include "dataplane/proxy/relay.h"
#include "tls/origin.h"

static void forget_session(struct target_lane *lane)
{
	origin_session_free(lane->session);
	lane->session = NULL;
}

static void stay(struct proxy *p, struct target_lane *lane)
{
	lane->flags &= (uint16_t)~LANE_CLOSING;
	if (!(lane->flags & LANE_LEAVING))
		return;
	lane->flags &= (uint16_t)~LANE_LEAVING;
	wheel_cancel(&p->leaving, &lane->leave_timer);
	target_lane_drop(lane);
}

/* No new ones come, so one without connections has nothing to wait for. */
static void leave(struct proxy *p, struct target_lane *lane, uint32_t delay_ms)
{
	if (lane->flags & (LANE_LEAVING | LANE_CLOSING) || lane->active == 0)
		return;
	lane->flags |= LANE_LEAVING;
	lane->leave_ms = proxy_now_ms(p) + delay_ms;
	target_lane_hold(lane);
	wheel_file(&p->leaving, &lane->leave_timer, lane->leave_ms);
}

void leaving_adopt(struct proxy *p, const struct snapshot *old, const struct snapshot *next)
{
	p->n_adopted++;
	for (unsigned i = 0; i < next->n_backends; i++) {
		const struct backend *b = &next->backends[i];

		for (unsigned k = 0; k < b->n_targets; k++) {
			struct target_lane *lane = &b->targets[k].run->lanes[p->worker];

			lane->seen = p->n_adopted;
			if (b->targets[k].drain)
				leave(p, lane, b->deregistration_ms);
			else
				stay(p, lane);
		}
	}
	for (unsigned i = 0; old && i < old->n_backends; i++) {
		const struct backend *b = &old->backends[i];

		for (unsigned k = 0; k < b->n_targets; k++) {
			struct target_lane *lane = &b->targets[k].run->lanes[p->worker];

			if (lane->seen == p->n_adopted)
				continue;
			leave(p, lane, b->deregistration_ms);
			forget_session(lane);
		}
	}
}

void leaving_expired(struct proxy *p, struct target_lane *lane)
{
	/* The wheel may be early. */
	if ((int32_t)(lane->leave_ms - proxy_now_ms(p)) > 0) {
		wheel_file(&p->leaving, &lane->leave_timer, lane->leave_ms);
		return;
	}
	lane->flags &= (uint16_t)~LANE_LEAVING;
	if (lane->active > 0) {
		lane->flags |= LANE_CLOSING;
		p->sweep_left = p->n_relays;
	}
	target_lane_drop(lane);
}

void leaving_sweep(struct proxy *p, unsigned budget)
{
	for (; budget > 0 && p->sweep_left > 0; budget--) {
		struct relay *r = &p->relays[--p->sweep_left];
		struct target_lane *lane = r->target ? &r->target->lanes[p->worker] : NULL;

		if (!lane || !(lane->flags & LANE_CLOSING) || r->state != RELAY_OPEN)
			continue;
		r->target->group->lanes[p->worker].n_cut++;
		relay_goodbye(p, r, 0);
	}
}

void leaving_stop(struct proxy *p)
{
	for (struct target_run *t = target_runs(); t; t = t->next) {
		if (p->worker >= t->n_lanes)
			continue;
		stay(p, &t->lanes[p->worker]);
		forget_session(&t->lanes[p->worker]);
	}
}
