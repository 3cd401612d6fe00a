/* The smallest guest: prints one line on the console and ends with exit code 0. Run it first. */
#include "guest/lib/console.h"
#include "guest/lib/start.h"

void guest_main(void) {
    print("Hello from a guest of Pinwheel.\n");
    guest_exit(0);
}
