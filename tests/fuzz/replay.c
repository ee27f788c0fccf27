/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Runs a fuzz target over its corpus without libFuzzer: every file in the folders given. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv) __attribute__((weak));

static int replay_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	size_t size = 0, room = 1 << 20;
	uint8_t *all = malloc(room);
	uint8_t *exact;

	if (!f || !all) {
		fprintf(stderr, "cannot read %s\n", path);
		exit(1);
	}
	size = fread(all, 1, room, f);
	fclose(f);
	/* A buffer of exactly that size, so that ASan sees a read past it. */
	exact = malloc(size ? size : 1);
	if (!exact)
		exit(1);
	memcpy(exact, all, size);
	LLVMFuzzerTestOneInput(exact, size);
	free(exact);
	free(all);
	return 1;
}

static int replay_folder(const char *path)
{
	DIR *d = opendir(path);
	struct dirent *entry;
	int n = 0;

	if (!d) {
		fprintf(stderr, "cannot open %s\n", path);
		exit(1);
	}
	while ((entry = readdir(d)) != NULL) {
		char file[4096];

		if (entry->d_name[0] == '.')
			continue;
		snprintf(file, sizeof(file), "%s/%s", path, entry->d_name);
		n += replay_file(file);
	}
	closedir(d);
	return n;
}

int main(int argc, char **argv)
{
	int n = 0;

	if (LLVMFuzzerInitialize)
		LLVMFuzzerInitialize(&argc, &argv);
	for (int i = 1; i < argc; i++)
		n += replay_folder(argv[i]);
	printf("%d corpus files replayed\n", n);
	return n ? 0 : 1; /* an empty corpus tests nothing */
}
