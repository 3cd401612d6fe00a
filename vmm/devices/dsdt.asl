/* The DSDT: what the guest's PC has that the fixed tables do not say. Through the C preprocessor to
 * iasl, so that the numbers are those of the devices. ACPI 6.5, "ACPI Source Language (ASL)
 * Reference". See vmm/devices/acpi_tables.h. */
#include "vmm/devices/pc_map.h"

/* A virtio-mmio transport; whether a device is behind it says its device ID register. iasl folds no
 * sums in resource descriptors, so the numbers stand here again. */
#if PC_VIRTIO_BASE != 0xfeb00000 || PC_VIRTIO_STRIDE != 0x1000 || PC_VIRTIO_IRQ != 16 || \
    PC_VIRTIO_SLOTS != 3
#error "the virtio devices below are not where pc_map.h has them"
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
    /* Soft off: the value for the sleep control register. */
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

        /* Hardware-reduced ACPI has no fixed power button, but this one. */
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

        /* Who tells of it: the Generic Event Device. What is seen falls, and the line with it. */
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

        /* The sleep and reset registers, the button's, and the timer, so that nothing else is put there. */
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
