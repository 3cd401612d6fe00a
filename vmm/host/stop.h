/* Stopping the machine's CPUs, before it panics or is switched off.
 *
 * A CPU that stops leaves VMX operation and halts for ever. It is asked by an NMI, which reaches it
 * wherever it is. Read next: vmm/host/panic.h. */
#pragma once
#include <stdint.h>

/* Asks all other CPUs to stop and waits for them for at most 100 ms. Returns how many did not stop.
 * The first CPU that calls this goes on; on others it does not return. */
uint32_t stop_others(void);

/* Stops the calling CPU if another one has asked for it. After each NMI: for the NMI handler, and
 * for VM exits, which take the NMI away from it. */
void stop_if_asked(void);
