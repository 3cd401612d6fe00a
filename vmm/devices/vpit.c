/* The registers of the 8254, and port 61H: see vpit.h. */
#include "vmm/devices/vpit.h"

#include "lib/bits.h"
#include "lib/index_clamp.h"

#define CONTROL_BCD              0x01
#define CONTROL_ACCESS           0x30 /* read and write: the low byte, the high byte, both */
#define CONTROL_PROGRAMMED       0x3f
#define ACCESS_LATCH             0x00
#define ACCESS_HIGH              0x20
#define ACCESS_BOTH              0x30
#define READ_BACK                3  /* in bits 7:6 */
#define READ_BACK_COUNTERS       7u /* a bit for each counter */
#define READ_BACK_COUNTERS_SHIFT 1
#define READ_BACK_NO_COUNT       0x20
#define READ_BACK_NO_STATUS      0x10
#define STATUS_OUTPUT            0x80
#define STATUS_NULL_COUNT        0x40

#define PORT_B_GATE2             0x01
#define PORT_B_WRITABLE          0x0f
#define PORT_B_REFRESH           0x10
#define PORT_B_OUT2              0x20

/* The refresh bit toggles every 15 us. Chipsets do that independently of counter 1. */
#define TICKS_OF_REFRESH 18

static struct vpit_channel *channel_of(struct vpit *pit, unsigned counter) {
    return &pit->channel[index_clamp(counter, VPIT_COUNTERS)];
}

static uint64_t latest(const struct vpit *pit, uint64_t now) {
    return now > pit->now ? now : pit->now;
}

/* ---- control port ---- */

static void latch_count(struct vpit_channel *channel, uint64_t now) {
    if (channel->count_latched)
        return;
    channel->count_latched = true;
    channel->second_byte_read_next = false;
    channel->latched_count = vpit_counter_read(&channel->counter, now);
}

static void latch_status(struct vpit_channel *channel, uint64_t now) {
    if (channel->status_latched)
        return;
    channel->status_latched = true;
    channel->status = channel->control;
    if (vpit_counter_output(&channel->counter, now))
        channel->status |= STATUS_OUTPUT;
    if (vpit_counter_null(&channel->counter, now))
        channel->status |= STATUS_NULL_COUNT;
}

static void read_back(struct vpit *pit, uint8_t value, uint64_t now) {
    unsigned i;

    for_each_bit(i, value >> READ_BACK_COUNTERS_SHIFT & READ_BACK_COUNTERS) {
        if (!(value & READ_BACK_NO_COUNT))
            latch_count(&pit->channel[i], now);
        if (!(value & READ_BACK_NO_STATUS))
            latch_status(&pit->channel[i], now);
    }
}

/* Modes 6 and 7 are the same as 2 and 3. */
static void program(struct vpit_channel *channel, uint8_t value, uint64_t now) {
    unsigned mode = value >> 1 & 7;

    channel->control = value & CONTROL_PROGRAMMED;
    channel->second_byte_written_next = false;
    channel->second_byte_read_next = false;
    channel->status_latched = false;
    channel->count_latched = false;
    vpit_counter_control(&channel->counter, mode > 5 ? mode - 4 : mode, value & CONTROL_BCD, now);
}

static void write_control(struct vpit *pit, uint8_t value, uint64_t now) {
    unsigned select = value >> 6;

    if (select == READ_BACK)
        read_back(pit, value, now);
    else if ((value & CONTROL_ACCESS) == ACCESS_LATCH)
        latch_count(channel_of(pit, select), now);
    else
        program(channel_of(pit, select), value, now);
}

/* ---- counter ports ---- */

static void write_count(struct vpit_channel *channel, uint8_t value, uint64_t now) {
    uint8_t access = channel->control & CONTROL_ACCESS;
    uint16_t count = value;

    if (access == ACCESS_BOTH && !channel->second_byte_written_next) {
        channel->first_byte = value;
        channel->second_byte_written_next = true;
        vpit_counter_first_byte(&channel->counter, now);
        return;
    }
    if (access == ACCESS_HIGH)
        count = (uint16_t)(value << 8);
    else if (access == ACCESS_BOTH)
        count = (uint16_t)(value << 8 | channel->first_byte);
    channel->second_byte_written_next = false;
    vpit_counter_write(&channel->counter, count, now);
}

/* A latched status is read before a latched count, a latched count before the counter. */
static uint8_t read_count(struct vpit_channel *channel, uint64_t now) {
    uint8_t access = channel->control & CONTROL_ACCESS;
    bool high = access == ACCESS_HIGH || channel->second_byte_read_next;
    uint16_t count;

    if (channel->status_latched) {
        channel->status_latched = false;
        return channel->status;
    }
    count =
        channel->count_latched ? channel->latched_count : vpit_counter_read(&channel->counter, now);
    channel->second_byte_read_next = access == ACCESS_BOTH && !high;
    if (!channel->second_byte_read_next)
        channel->count_latched = false;
    return (uint8_t)(high ? count >> 8 : count);
}

/* ---- port 61H ---- */

static uint8_t read_port_b(const struct vpit *pit) {
    uint8_t value = pit->port_b;

    if (pit->now / TICKS_OF_REFRESH & 1)
        value |= PORT_B_REFRESH;
    if (vpit_counter_output(&pit->channel[2].counter, pit->now))
        value |= PORT_B_OUT2;
    return value;
}

static void write_port_b(struct vpit *pit, uint8_t value) {
    pit->port_b = value & PORT_B_WRITABLE;
    vpit_counter_gate(&pit->channel[2].counter, value & PORT_B_GATE2, pit->now);
}

/* ---- the interface ---- */

uint8_t vpit_read(struct vpit *pit, uint16_t port, uint64_t now) {
    uint32_t counter = (uint32_t)port - VPIT_COUNTER0;

    pit->now = latest(pit, now);
    if (counter < VPIT_COUNTERS)
        return read_count(channel_of(pit, counter), pit->now);
    return port == VPIT_SYSTEM_PORT_B ? read_port_b(pit) : 0xff;
}

void vpit_write(struct vpit *pit, uint16_t port, uint8_t value, uint64_t now) {
    uint32_t counter = (uint32_t)port - VPIT_COUNTER0;

    pit->now = pit->changed = latest(pit, now);
    if (counter < VPIT_COUNTERS)
        write_count(channel_of(pit, counter), value, pit->now);
    else if (port == VPIT_CONTROL)
        write_control(pit, value, pit->now);
    else if (port == VPIT_SYSTEM_PORT_B)
        write_port_b(pit, value);
}

bool vpit_output(const struct vpit *pit, unsigned counter, uint64_t now) {
    return counter < VPIT_COUNTERS &&
           vpit_counter_output(&pit->channel[counter].counter, latest(pit, now));
}

uint64_t vpit_next_change(const struct vpit *pit, unsigned counter, uint64_t now) {
    if (counter >= VPIT_COUNTERS)
        return TIME_NEVER;
    return vpit_counter_next_change(&pit->channel[counter].counter, latest(pit, now));
}

uint64_t vpit_rises(const struct vpit *pit, unsigned counter, uint64_t from, uint64_t to) {
    if (counter >= VPIT_COUNTERS)
        return 0;
    if (from < pit->changed)
        from = pit->changed;
    return vpit_counter_rises(&pit->channel[counter].counter, from, latest(pit, to));
}

void vpit_reset(struct vpit *pit, uint64_t now) {
    *pit = (struct vpit){.now = now, .changed = now};
    for (unsigned i = 0; i < VPIT_COUNTERS; i++) {
        pit->channel[i].control = ACCESS_BOTH;
        pit->channel[i].counter = (struct vpit_counter){
            .gate = i != 2,
            .paused = i == 2,
            .null_count = true,
            .count = 1, /* never 0: they are divisors */
            .period = 1,
        };
    }
}
