/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/*
 * The candidate most like word, for "did you mean"; NULL when none is like it. candidate(from, i)
 * returns the i-th, and NULL past the last.
 */
const char *
nearest(const char *word, const char *(*candidate)(const void *from, unsigned i), const void *from);
