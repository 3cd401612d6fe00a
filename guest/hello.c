/* The smallest guest: one line on the console, and exit code 0. The first thing to run. */
#include "guest/lib/console.h"
#include "guest/lib/start.h"

void guest_main(void) {
    print("Hello from a guest of Pinwheel.\n");
    guest_exit(0);
}
