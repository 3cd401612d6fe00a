/* The devices that test programs for other hypervisors expect: QEMU's pc-testdev, isa-debug-exit,
 * isa-debugcon and fw_cfg, and the power-off port of Bochs. docs/kvm-unit-tests.md runs such
 * programs. Any CPU may call. Read next: ports.h. */
#pragma once
#include <stdint.h>

#define TEST_SCRATCH   0xe0
#define DEBUG_CONSOLE  0xe9
#define TEST_EXIT      0xf4
#define FW_CFG_SELECT  0x510
#define FW_CFG_DATA    0x511
#define TEST_LINE_BASE 0x2000
#define SHUTDOWN_PORT  0x8900

struct pc;

/* Concurrent use by several vCPUs is not synchronised; only the guest itself is harmed, since each
 * field is bounded where it is used. */
struct test_devices {
    uint32_t scratch;
    uint16_t fw_cfg_item;
    uint32_t fw_cfg_offset;
    uint32_t shutdown_seen; /* characters of "Shutdown" so far */
};

/* pc-testdev: a scratch register of four bytes, and a level of each IRQ. */
uint32_t test_scratch_in(struct pc *pc, uint16_t port, unsigned size);
void test_scratch_out(struct pc *pc, uint16_t port, unsigned size, uint32_t value);
void test_line_out(struct pc *pc, uint16_t port, unsigned size, uint32_t value);
/* isa-debugcon: each byte that is written is printed. */
uint32_t debug_console_in(struct pc *pc, uint16_t port, unsigned size);
void debug_console_out(struct pc *pc, uint16_t port, unsigned size, uint32_t value);
/* isa-debug-exit: ends the guest with this code. */
void test_exit_out(struct pc *pc, uint16_t port, unsigned size, uint32_t value);
/* fw_cfg: the traditional interface, without DMA. */
uint32_t fw_cfg_in(struct pc *pc, uint16_t port, unsigned size);
void fw_cfg_out(struct pc *pc, uint16_t port, unsigned size, uint32_t value);
/* Bochs: the word "Shutdown" ends the guest. */
void shutdown_out(struct pc *pc, uint16_t port, unsigned size, uint32_t value);
