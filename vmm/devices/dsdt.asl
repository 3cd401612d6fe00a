/* The DSDT: the devices of the guest's PC that the fixed tables do not describe. The C preprocessor
 * runs before iasl, so the numbers are those of pc_map.h. ACPI 6.5, "ACPI Source Language (ASL)
 * Reference". See vmm/devices/acpi_tables.h. */
#include "vmm/devices/pc_map.h"

/* A virtio-mmio transport; its device ID register is 0 if it has no device. iasl does not evaluate
 * sums in resource descriptors, so the numbers are repeated here. */
#if PC_VIRTIO_BASE != 0xfeb00000 || PC_VIRTIO_STRIDE != 0x1000 || PC_VIRTIO_IRQ != 16 || \
    PC_VIRTIO_SLOTS != 3
#error "the addresses and interrupts below differ from those of pc_map.h"
#endif
#define VIRTIO(name, slot, address, irq)                                              \
    Device (name) {                                                                   \
        Name (_HID, "LNRO0005")                                                       \
        Name (_UID, slot)                                                             \
        Name (_CCA, One)                                                              \
        Name (_CRS, ResourceTemplate () {                                             \
            Memory32Fixed (ReadWrite, address, PC_VIRTIO_STRIDE)                      \
            Interrupt (ResourceConsumer, Level, ActiveHigh, Exclusive) { irq }        \
        })                                                                            \
    }

DefinitionBlock ("", "DSDT", 2, "PINWHL", "PINWHEEL", 1)
{
    /* S5, soft off: the value of SLP_TYP in the sleep control register. */
    Name (\_S5, Package () { PC_SLEEP_TYPE_S5, Zero })

    Scope (\_SB)
    {
        Device (UART)
        {
            Name (_HID, EisaId ("PNP0501"))
            Name (_UID, Zero)
            Name (_CRS, ResourceTemplate () {
                IO (Decode16, PC_UART_PORT, PC_UART_PORT, 1, 8)
                Interrupt (ResourceConsumer, Level, ActiveHigh, Exclusive) { PC_UART_IRQ }
            })
        }

        Device (RTC)
        {
            Name (_HID, EisaId ("PNP0B00"))
            Name (_CRS, ResourceTemplate () {
                IO (Decode16, PC_RTC_PORT, PC_RTC_PORT, 1, 2)
                Interrupt (ResourceConsumer, Edge, ActiveHigh, Exclusive) { PC_RTC_IRQ }
            })
        }

        VIRTIO (VIO0, 0, 0xfeb00000, 16)
        VIRTIO (VIO1, 1, 0xfeb01000, 17)
        VIRTIO (VIO2, 2, 0xfeb02000, 18)

        /* The power button: hardware-reduced ACPI has no fixed one. */
        Device (PWRB)
        {
            Name (_HID, EisaId ("PNP0C0C"))
        }

        /* QEMU, "pvpanic device". */
        Device (PEVT)
        {
            Name (_HID, "QEMU0001")
            Name (_CRS, ResourceTemplate () {
                IO (Decode16, PC_PANIC_PORT, PC_PANIC_PORT, 1, 1)
            })
        }

        /* The Generic Event Device reports the button. The write clears the bit and its line. */
        Device (GED)
        {
            Name (_HID, "ACPI0013")
            Name (_UID, Zero)
            Name (_CRS, ResourceTemplate () {
                Interrupt (ResourceConsumer, Level, ActiveHigh, Exclusive) { PC_BUTTON_IRQ }
            })
            OperationRegion (BTNR, SystemIO, PC_BUTTON_PORT, One)
            Field (BTNR, ByteAcc, NoLock, Preserve) { PRSD, 1 }
            Method (_EVT, 1, Serialized)
            {
                If (LAnd (LEqual (Arg0, PC_BUTTON_IRQ), PRSD))
                {
                    Store (One, PRSD)
                    Notify (PWRB, 0x80)
                }
            }
        }

        /* Reserves the ports of the sleep, reset and button registers and of the timer. */
        Device (REGS)
        {
            Name (_HID, EisaId ("PNP0C02"))
            Name (_CRS, ResourceTemplate () {
                IO (Decode16, PC_SLEEP_CONTROL, PC_SLEEP_CONTROL, 1, 4)
                IO (Decode16, PC_PM_TIMER, PC_PM_TIMER, 1, 4)
            })
        }
    }
}
