/* Interrupt lines that a guest can raise and lower on any PC, for the tests' scenes.
 *
 * Best is the test device of Pinwheel and QEMU, a port for each pin. Where there is none, devices
 * that hold their line active until they are served take its place: a serial port's transmitter,
 * the HPET in level-triggered mode, the keyboard controller. */
#pragma once
#include <stdint.h>

/* Finds lines that work and makes them the scene's (scene_lines), the others inactive. To be called
 * on vCPU 0 with interrupts disabled and the local APIC enabled. Returns how many there are. */
uint32_t lines_find(void);

/* Their names, as they are printed: "test device", "COM1 HPET0". */
extern char lines_names[40];
