/* The registers of the real-time clock: MC146818A data sheet, "Address Map". */
#pragma once
#include <stdint.h>

#include "guest/lib/instructions.h"

#define RTC_INDEX 0x70
#define RTC_DATA  0x71

static inline uint8_t rtc_read(uint8_t index) {
    outb(RTC_INDEX, index);
    return inb(RTC_DATA);
}

static inline void rtc_write(uint8_t index, uint8_t value) {
    outb(RTC_INDEX, index);
    outb(RTC_DATA, value);
}
