/* What a machine reports of itself: any values in its PCI configuration space, of its clocks and of
 * its display.
 * Assumed: nothing. */
#include "boot/graphics.h"
#include "drivers/clock_choice.h"
#include "drivers/pci.h"
#include "tests/analysis/any.h"

static uint32_t read(void *context, uint32_t address) {
    (void)context;
    claim(address % 4 == 0);
    return (uint32_t)any();
}

static void write(void *context, uint32_t address, uint32_t value) {
    (void)context;
    (void)value;
    claim(address % 4 == 0);
}

int main(void) {
    const struct pci_access access = {.read = read, .write = write};
    const struct clock_sources sources = {any(), any(), any(), {any(), any(), any()}};
    static struct graphics_mode mode;
    struct boot_framebuffer framebuffer;
    const char *source;

    pci_silence(&access);
    clock_choose(&sources, &source);
    clock_frequency(any(), any(), any());
    any_bytes(&mode, sizeof(mode));
    graphics_framebuffer(&mode, &framebuffer);
    return 0;
}
