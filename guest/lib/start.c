/* The first C code of a guest: see start.h. Read next: a guest, for example guest/hello.c. */
#include "guest/lib/start.h"

#include "guest/lib/command_line.h"
#include "guest/lib/console.h"
#include "guest/lib/cpus.h"
#include "guest/lib/instructions.h"
#include "guest/lib/interrupts.h"

#define MULTIBOOT_LOADER_MAGIC 0x2badb002

_Noreturn void start_first(uint32_t info, uint32_t magic) {
    console_init();
    cpu_init();
    interrupts_init();
    if (magic == MULTIBOOT_LOADER_MAGIC)
        command_line_init(info);
    else
        print("# not started by a Multiboot loader: EAX was 0x%x\n", magic);
    pause_exits = command_line_is("pause", "exit");
    guest_main();
    guest_exit(0);
}

_Noreturn void start_other(void) {
    cpu_init();
    interrupts_load();
    cpu_serve();
}
