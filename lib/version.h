/* The version of Pinwheel: the boot loader carries the hypervisor, so they have one. `make help`
 * shows it too. */
#pragma once

#define PINWHEEL_VERSION "0.1"
