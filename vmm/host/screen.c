/* The machine's screen: see screen.h. */
#include "vmm/host/screen.h"

#include "drivers/console.h"
#include "drivers/framebuffer.h"
#include "vmm/host/host_memory.h"

static uint64_t size_of(const struct boot_framebuffer *screen) {
    return (uint64_t)screen->pixel_size * screen->pixels_per_line * screen->height;
}

void screen_prepare(const struct boot_framebuffer *screen) {
    uint64_t size = size_of(screen);

    if (!screen->base || size > screen->size)
        return;
    framebuffer_init(&(struct framebuffer){
        .pixels = memory_before_init(screen->base, size),
        .width = screen->width,
        .height = screen->height,
        .pixels_per_line = screen->pixels_per_line,
        .pixel_size = screen->pixel_size,
        .red = screen->red,
        .green = screen->green,
        .blue = screen->blue,
    });
}

void screen_start(const struct boot_info *info) {
    const struct boot_framebuffer *screen = &info->framebuffer;

    framebuffer_move(memory_map_write_combining(screen->base, size_of(screen)));
    if (info->report)
        console_line(CONSOLE_SCREEN, NULL, phys_to_virt(info->report), 0, info->report_size);
}
