/* Short names for the bounds in bounds.c and bounds_endless.c. */
#pragma once
#include "tests/model/moves.h"

#define W(field) (1u << (WRITE_##field))
#define MOVED    (W(DESTINATION_0) | W(DESTINATION_1))
#define VECTORS  (W(VECTOR_0) | W(VECTOR_1) | W(VECTOR_2))
/* edges of one vector alone */
#define EDGE_31 1u
#define EDGE_35 2u
#define EDGE_62 4u
#define ANY     ((1u << WRITE_COUNT) - 1)

/* Two level entries to vCPU 0: of one priority class; of one vector; of two classes. */
#define TWO_OF_ONE_CLASS  "write0.trigger write0.mask write1.trigger write1.35 write1.mask "
#define TWO_OF_ONE_VECTOR "write0.trigger write0.mask write1.trigger write1.mask "
#define TWO_CLASSES       "write0.trigger write0.mask write1.trigger write1.62 write1.mask "
/* One entry, to logical destination 1. */
#define LOGICAL "write0.trigger write0.logical write0.to1 write0.mask "
