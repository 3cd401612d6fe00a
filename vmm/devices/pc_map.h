/* The PC that a guest sees: the addresses, I/O ports and IRQs of its devices.
 *
 * The devices, the ACPI tables that report them to the guest, and the loaders all use these
 * numbers. Addresses are guest-physical. An IRQ is a pin of the I/O APIC, except that IRQ 0 is
 * pin 2. Devices that every PC has at the same ports (8259A, 8254) have them in their own headers.
 * vmm/devices/dsdt.asl includes this file too, so numbers that it uses have no suffix. Read next:
 * acpi_tables.h. */
#pragma once

/* 16550A UART. The MADT makes its IRQ level-triggered, unlike on old PCs. */
#define PC_UART_PORT 0x3f8
#define PC_UART_IRQ  4

/* Real-time clock: index port, then data port; CENTURY is an offset in its memory. */
#define PC_RTC_PORT    0x70
#define PC_RTC_IRQ     8
#define PC_RTC_CENTURY 0x32

/* virtio-mmio transports, one page each; slot s has PC_VIRTIO_IRQ + s, level-triggered. A slot
 * without a device reads device ID 0, which drivers skip. */
#define PC_VIRTIO_BASE   0xfeb00000
#define PC_VIRTIO_STRIDE 0x1000
#define PC_VIRTIO_SLOTS  3
#define PC_VIRTIO_IRQ    16
#ifndef __ASSEMBLER__
enum pc_virtio_slot { PC_VIRTIO_BLOCK, PC_VIRTIO_RNG, PC_VIRTIO_CONSOLE };
#endif

/* The registers of hardware-reduced ACPI, one byte each. ACPI 6.5, "Sleep Control and Status
 * Registers", "Reset Register". */
#define PC_SLEEP_CONTROL    0x600
#define PC_SLEEP_STATUS     0x601
#define PC_SLEEP_TYPE_S5    5
#define PC_SLEEP_TYPE_SHIFT 2
#define PC_SLEEP_ENABLE     0x20
#define PC_RESET_PORT       0x602
#define PC_RESET_VALUE      1

/* PM1 control as on older PCs, 16 bits: where QEMU has it, and where Bochs had it. Kernels that do
 * not know hardware-reduced ACPI, or no ACPI at all, switch off with it. ACPI 6.5, "PM1 Control
 * Grouping". */
#define PC_PM1_CONTROL     0x604
#define PC_PM1_CONTROL_OLD 0xb004
#define PC_PM1_SCI_ENABLED 1
#define PC_PM1_TYPE_SHIFT  10
#define PC_PM1_TYPE_S5_OLD 0 /* QEMU's, besides PC_SLEEP_TYPE_S5 */
#define PC_PM1_ENABLE      0x2000

/* The index and the data port of the CRT controller of a text screen in colour. */
#define PC_CRTC_PORT 0x3d4

/* The power button. Bit 0 reads 1 after it was pressed; writing 1 to that bit clears it. Its IRQ is
 * level-triggered and asserted while the bit is 1. */
#define PC_BUTTON_PORT 0x603
#define PC_BUTTON_IRQ  19

/* The ACPI power management timer: a 24-bit counter, read by one 4-byte access. ACPI 6.5, "Power
 * Management Timer". */
#define PC_PM_TIMER    0x608
#define PC_PM_TIMER_HZ 3579545

/* A guest's kernel reports here that it has panicked: QEMU's "pvpanic" device, one byte, a bit for
 * each event. It reads as the bits that are supported. */
#define PC_PANIC_PORT     0x505
#define PC_PANIC_PANICKED 1

/* The ACPI tables: at the place of the BIOS ROM, where operating systems search for the RSDP. */
#define PC_ACPI_BASE 0xe0000u
#define PC_ACPI_SIZE 0x20000u

/* The MP table, behind the ACPI tables: kernels search for it from F0000H on. */
#define PC_MP_BASE 0xf0000u

/* The end of base memory; the extended BIOS data area follows, up to 640 KiB. */
#define PC_EBDA_BASE 0x9fc00u
#define PC_EBDA_SIZE 0x400u

/* F000:FFF0, the reset vector of the 8086. Operating systems jump there to reset a PC. */
#define PC_RESET_SEGMENT 0xf000u
#define PC_RESET_OFFSET  0xfff0u
#define PC_RESET_VECTOR  0xffff0u
