/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <rte_rcu_qsbr.h>

/*
 * Blocks the calling thread (control) until no registered worker can be using what was published before the call:
 * store the new pointer first, call this, then free the old one.
 *
 * A worker keeps what it adopted across its quiescent state and reads it once more while it adopts what follows
 * (proxy_adopt compares the two), at the start of its next loop. One quiescent state says that it will find the new
 * pointer, a second one that it has let go of the old: this waits for two grace periods, one after the other.
 */
void grace_wait(struct rte_rcu_qsbr *qsbr);
