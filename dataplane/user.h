/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

struct config;
struct err;

/*
 * Keeps private keys out of core dumps and from debuggers of the same user: before any is read. And no program that is
 * run from here gets more rights than we have: before there are threads.
 */
void user_hide(void);

/*
 * Becomes runtime.user, if it is set and we are root: all threads, once EAL, ports and the control socket are
 * there (making those takes root; using them does not). Gives it runtime.state_dir with all in it, and
 * control.socket. What is kept, in this thread alone: CAP_NET_ADMIN, to take queues off the
 * interface at the end, and CAP_IPC_LOCK, to lock new keys into memory. From then on files are read as
 * that user: it must be able to read certificates and keys that a reload names. The socket file
 * stays behind at the end unless the user may write to its folder; the next start replaces it. So does
 * the XDP program of an af_xdp port, which libxdp takes off as root only. 0, or -1 with the reason in e.
 */
int user_become(const struct config *config, struct err *e);
