/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/host.h"

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/model.h"

#include <cmocka.h>

#define NIC "0000:3b:00.0"

/* A machine made of files, as sysfs shows it. */
static char root[64];

static void put(const char *path, const char *text)
{
	char full[512];
	FILE *f;

	snprintf(full, sizeof(full), "%s%s", root, path);
	for (char *at = strchr(full + 1, '/'); at; at = strchr(at + 1, '/')) {
		*at = '\0';
		mkdir(full, 0755);
		*at = '/';
	}
	f = fopen(full, "w");
	assert_non_null(f);
	fprintf(f, "%s\n", text);
	fclose(f);
}

static void bind_to(const char *driver)
{
	char path[512], target[128];

	snprintf(path, sizeof(path), "%s/sys/bus/pci/devices/" NIC "/driver", root);
	snprintf(target, sizeof(target), "../../../bus/pci/drivers/%s", driver);
	unlink(path);
	assert_int_equal(symlink(target, path), 0);
}

/* Nothing is lacking. */
static int make_good(void **state)
{
	(void)state;
	strcpy(root, "/tmp/host-test-XXXXXX");
	if (!mkdtemp(root))
		return -1;
	put("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "100");
	put("/sys/kernel/mm/hugepages/hugepages-1048576kB/free_hugepages", "1");
	put("/sys/devices/system/cpu/isolated", "2-3,6");
	put("/sys/devices/system/cpu/nohz_full", "2-3");
	put("/sys/devices/system/cpu/cpu2/cpufreq/scaling_governor", "performance");
	put("/sys/devices/system/cpu/cpu3/cpufreq/scaling_governor", "performance");
	put("/sys/devices/system/cpu/cpu2/topology/thread_siblings_list", "2,6");
	put("/sys/devices/system/cpu/cpu3/topology/thread_siblings_list", "3,7");
	put("/sys/devices/system/cpu/cpu2/node1/x", "");
	put("/sys/devices/system/cpu/cpu3/node1/x", "");
	put("/sys/bus/pci/devices/" NIC "/vendor", "0x8086");
	put("/sys/bus/pci/devices/" NIC "/numa_node", "1");
	put("/sys/bus/pci/devices/" NIC "/current_link_width", "8");
	put("/sys/bus/pci/devices/" NIC "/max_link_width", "8");
	put("/sys/bus/pci/devices/" NIC "/current_link_speed", "16.0 GT/s PCIe");
	put("/sys/bus/pci/devices/" NIC "/max_link_speed", "16.0 GT/s PCIe");
	put("/sys/class/iommu/dmar0/x", "");
	put("/proc/cmdline", "quiet intel_iommu=on iommu=pt isolcpus=2-3");
	bind_to("vfio-pci");
	return 0;
}

static int remove_one(const char *path, const struct stat *s, int type, struct FTW *ftw)
{
	(void)s;
	(void)type;
	(void)ftw;
	return remove(path);
}

static int unmake(void **state)
{
	(void)state;
	return nftw(root, remove_one, 8, FTW_PHYS | FTW_DEPTH);
}

static struct config config_for(const char *const *device)
{
	static struct config_port port;

	port = (struct config_port){ .name = "front0", .devices = device, .n_devices = 1 };
	return (struct config){
		.runtime = { .workers = { 2, 3 }, .n_workers = 2 }, .ports = &port, .n_ports = 1
	};
}

static char said[8192];

static unsigned check(const char *device, unsigned memory_mb)
{
	const char *devices[] = { device };
	const struct config config = config_for(devices);
	FILE *out = fmemopen(said, sizeof(said), "w");
	unsigned n = host_check(&config, memory_mb, root, out);

	fclose(out);
	return n;
}

/* Exactly one thing is lacking, and what is said of it has text. */
static void lacks(unsigned memory_mb, const char *text)
{
	unsigned n = check(NIC, memory_mb);

	if (n != 1 || !strstr(said, text))
		fail_msg("%u lacking, not one that says '%s':\n%s", n, text, said);
}

static void nothing_is_lacking(void **state)
{
	(void)state;
	if (check(NIC, 1224) != 0 || strstr(said, "LACKS"))
		fail_msg("%s", said);
}

static void each_lack_is_told_with_what_to_do(void **state)
{
	static const struct {
		const char *path, *text, *told;
	} cases[] = {
		{ "/sys/kernel/mm/hugepages/hugepages-1048576kB/free_hugepages", "0",
		    "200 MB are free and 1000 are needed: set vm.nr_hugepages = 564" },
		{ "/sys/devices/system/cpu/isolated", "1-2,6",
		    "cores 3 of workers: add isolcpus=3" },
		{ "/sys/devices/system/cpu/isolated", "", "add isolcpus=2,3" },
		{ "/sys/devices/system/cpu/nohz_full", "(null)", "add nohz_full=2,3" },
		{ "/sys/devices/system/cpu/cpu3/cpufreq/scaling_governor", "powersave",
		    "echo performance > /sys/devices/system/cpu/cpu3/" },
		{ "/sys/devices/system/cpu/cpu3/topology/thread_siblings_list", "2-3",
		    "cores 2 and 3 are two threads of one core" },
		{ "/sys/bus/pci/devices/" NIC "/numa_node", "0",
		    NIC " is on node 0 and core 2 on node 1" },
		{ "/sys/bus/pci/devices/" NIC "/current_link_width", "4",
		    "x4 at 16.0 GT/s PCIe, and it can do x8" },
		{ "/sys/bus/pci/devices/" NIC "/current_link_speed", "8.0 GT/s PCIe",
		    "x8 at 8.0 GT/s PCIe, and it can do x8 at 16.0 GT/s" },
		{ "/proc/cmdline", "quiet", "add iommu=pt" },
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		put(cases[i].path, cases[i].text);
		lacks(1000, cases[i].told);
		unmake(state);
		assert_int_equal(make_good(state), 0);
	}
	bind_to("ice");
	lacks(1000, "is bound to ice: sallyport-nic bind " NIC);
}

/* Files that are not there: of a virtual machine, of another kernel. */
static void a_bare_machine_is_judged_by_what_it_shows(void **state)
{
	assert_int_equal(unmake(state), 0);
	assert_int_equal(mkdir(root, 0755), 0);
	assert_int_equal(check(NIC, 1000), 5);
	assert_non_null(strstr(said, "no such PCI device"));
	assert_non_null(strstr(said, "does not scale its clock"));
	assert_int_equal(check("net_tap0", 0), 3);
	assert_non_null(strstr(said, "no port is on a PCI device"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(nothing_is_lacking, make_good, unmake),
		cmocka_unit_test_setup_teardown(
		    each_lack_is_told_with_what_to_do, make_good, unmake),
		cmocka_unit_test_setup_teardown(
		    a_bare_machine_is_judged_by_what_it_shows, make_good, unmake),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
