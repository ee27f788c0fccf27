/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Starts EAL without hugepages, files or devices, once per process; ends the test on failure. */
void test_eal_start(void);
