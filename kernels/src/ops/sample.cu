// Experience replay: what ops/sample.rs defines, on the device. Priorities are integers, so no order of threads changes
// a node of the tree.
#include "prelude.cuh"

#define ONE (1ull << 24)
#define LARGEST (1ull << 40)
// Marks a leaf with the position that writes it.
#define MARK (1ull << 63)
#define PATIENCE 1000u

// Which cells may be drawn (ops/sample/ring.rs).
struct Ring {
    u32 slots, rows, committed;
    const u8 *stage;
};

INLINE u32 offered(const Ring &ring) { return ring.committed < ring.slots - 1 ? ring.committed : ring.slots - 1; }
INLINE u32 slot_after(const Ring &ring, u32 after) {
    return (u32)(((u64)ring.committed + ring.slots - 1 - after) % ring.slots);
}
INLINE u32 later(const Ring &ring, u32 cell, u32 steps) {
    u64 place = (u64)cell + (u64)steps * ring.rows, cells = (u64)ring.slots * ring.rows;
    return (u32)(place < cells ? place : place - cells);
}
// Steps from `cell` to the end of its episode, but at most `limit`.
INLINE u32 length_of(const Ring &ring, u32 cell, u32 limit) {
    for (u32 steps = 1; steps < limit; ++steps) {
        if (is_last(ring.stage[later(ring, cell, steps)])) return steps;
    }
    return limit;
}
// Length of the window that starts at `cell`, 0 where there is none.
INLINE u32 window(const Ring &ring, u32 cell, u32 after, u32 n_step) {
    if (is_last(ring.stage[cell])) return 0;
    u32 length = length_of(ring, cell, after < n_step ? after : n_step);
    return length == n_step || is_last(ring.stage[later(ring, cell, length)]) ? length : 0;
}
INLINE bool offers_any(const Ring &ring, u32 n_step) {
    for (u32 after = 0; after < offered(ring); ++after) {
        u32 first = slot_after(ring, after) * ring.rows;
        for (u32 row = 0; row < ring.rows; ++row) {
            if (window(ring, first + row, after, n_step) > 0) return true;
        }
    }
    return false;
}

// Tells the host that there is nothing to draw: [1, slots, committed, window].
INLINE void nothing_to_draw(u32 *fault, u32 slots, u32 committed, u32 n_step) {
    fault[1] = slots;
    fault[2] = committed;
    fault[3] = n_step;
    fault[0] = 1;
}

// Gives every node above the touched leaves the sum of its children, level by level; `node` is the touched leaf of each
// of `count` positions. One block.
#define ADD_UP(count, node)                                                                                            \
    for (u32 level = 1; level <= depth; ++level) {                                                                     \
        __syncthreads();                                                                                               \
        for (u32 i = threadIdx.x; i < (count); i += blockDim.x) {                                                      \
            u32 above = (node) >> level;                                                                               \
            nodes[above] = nodes[2 * (u64)above] + nodes[2 * (u64)above + 1];                                          \
        }                                                                                                              \
    }

// Commits a slot: counts it; with priorities, the transitions that it completes enter with the largest leaf so far, and
// the slot being written has none. One block.
KERNEL advance(u32 slots, u32 rows, u32 n_step, const u8 *__restrict__ stage, u32 *clock, u64 *nodes, u32 depth) {
    u32 committed = clock[STEPS] + 1;
    __syncthreads();
    if (threadIdx.x == 0) clock[STEPS] = committed;
    if (nodes == nullptr) return;
    Ring ring = {slots, rows, committed, stage};
    u32 leaves = 1u << depth, most = offered(ring), open = committed % slots;
    u32 windows = most == 0 ? 0 : (most - 1 < n_step ? most - 1 : n_step);
    u64 entering = nodes[0] == 0 ? ONE : nodes[0];
    // Position i is a row of the slot committed i / rows before, the slot being written for 0.
    u32 count = (windows + 1) * rows;
    for (u32 i = threadIdx.x; i < count; i += blockDim.x) {
        u32 after = i / rows, slot = after == 0 ? open : slot_after(ring, after);
        u32 cell = slot * rows + i % rows;
        if (after == 0) {
            nodes[leaves + (u64)cell] = 0;
        } else if (window(ring, cell, after, n_step) == after) {
            nodes[leaves + (u64)cell] = entering;
        }
    }
    ADD_UP(count, leaves + (i / rows == 0 ? open : slot_after(ring, i / rows)) * rows + i % rows)
}

// The observations of the newest committed slot.
KERNEL newest(u32 slots, u32 numbers, const float *__restrict__ observation, const u32 *__restrict__ clock,
              float *__restrict__ x) {
    u32 i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= numbers) return;
    u32 slot = (u32)(((u64)clock[STEPS] + slots - 1) % slots);
    x[i] = observation[(u64)slot * numbers + i];
}

KERNEL sample_uniform(u32 size, u32 slots, u32 rows, u32 n_step, const u8 *__restrict__ stage,
                      const u32 *__restrict__ clock, u32 key0, u32 key1, u32 *__restrict__ pick,
                      float *__restrict__ weight, u32 *__restrict__ fault) {
    u32 i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= size) return;
    Ring ring = {slots, rows, clock[STEPS], stage};
    Stream stream = stream_at(key0, key1, i, 0, clock[UPDATES], PURPOSE_SAMPLE);
    u32 most = offered(ring), cell = 0, rejections = 0;
    for (;;) {
        u32 index = below(stream, most * rows);
        if (index / rows < most) {
            u32 after = most - 1 - index / rows;
            cell = slot_after(ring, after) * rows + index % rows;
            if (window(ring, cell, after, n_step) > 0) break;
        }
        if (++rejections % PATIENCE == 0 && !offers_any(ring, n_step)) {
            nothing_to_draw(fault, slots, ring.committed, n_step);
            break;
        }
    }
    pick[i] = cell;
    weight[i] = 1.0f;
}

// i · total / size without overflow.
INLINE u64 edge(u64 total, u32 size, u32 i) { return i * (total / size) + i * (total % size) / size; }

// Draws by priority and importance weights. One block, because the weights are relative to the batch's smallest leaf.
KERNEL sample_priority(u32 size, u32 slots, u32 n_step, const u64 *__restrict__ nodes, u32 depth,
                       const u32 *__restrict__ clock, u32 key0, u32 key1, float from, float to, u32 over,
                       u32 *__restrict__ pick, float *__restrict__ weight, u32 *__restrict__ fault) {
    __shared__ u64 least[256];
    u64 total = nodes[1];
    u32 leaves = 1u << depth, updates = clock[UPDATES];
    if (total == 0) {
        for (u32 i = threadIdx.x; i < size; i += blockDim.x) {
            pick[i] = 0;
            weight[i] = 1.0f;
        }
        if (threadIdx.x == 0) nothing_to_draw(fault, slots, clock[STEPS], n_step);
        return;
    }
    u64 smallest = ~0ull;
    for (u32 i = threadIdx.x; i < size; i += blockDim.x) {
        Stream stream = stream_at(key0, key1, i, 0, updates, PURPOSE_SAMPLE);
        u64 low = edge(total, size, i), high = edge(total, size, i + 1);
        u64 rest = low + below64(stream, high - low);
        u32 node = 1;
        for (u32 level = 0; level < depth; ++level) {
            u64 left = nodes[2 * (u64)node];
            bool right = rest >= left;
            rest -= right ? left : 0;
            node = 2 * node + right;
        }
        pick[i] = node - leaves;
        u64 leaf = nodes[node];
        smallest = leaf < smallest ? leaf : smallest;
    }
    least[threadIdx.x] = smallest;
    __syncthreads();
    for (u32 half = blockDim.x / 2; half > 0; half /= 2) {
        if (threadIdx.x < half) {
            u64 other = least[threadIdx.x + half];
            if (other < least[threadIdx.x]) least[threadIdx.x] = other;
        }
        __syncthreads();
    }
    smallest = least[0];
    float beta = ramp(from, to, over, updates);
    for (u32 i = threadIdx.x; i < size; i += blockDim.x) {
        weight[i] = power((float)((double)smallest / (double)nodes[leaves + (u64)pick[i]]), beta);
    }
}

// Copies a row by a warp: four numbers at a time, or single ones, each sector of `to` once.
INLINE void copy_row(bool fours, float *__restrict__ to, const float *__restrict__ from, u32 count) {
    u32 lane = threadIdx.x % WARP;
    if (fours) {
        for (u32 k = 4 * lane; k < count; k += 4 * WARP) *(float4 *)(to + k) = *(const float4 *)(from + k);
    } else {
        for (int k = (int)lane - (int)lead(to); k < (int)count; k += WARP) {
            if (k >= 0) to[k] = from[k];
        }
    }
}

// Folds the windows of the picks and copies both ends: a warp for each.
KERNEL gather(u32 size, u32 slots, u32 rows, u32 width, u32 n_step, float gamma, const u32 *__restrict__ pick,
              const float *__restrict__ observation, const u32 *__restrict__ actions,
              const float *__restrict__ rewards, const u8 *__restrict__ stage, float *__restrict__ x,
              float *__restrict__ next, u32 *__restrict__ action, float *__restrict__ reward,
              float *__restrict__ discount) {
    u32 i = (blockIdx.x * blockDim.x + threadIdx.x) / WARP, lane = threadIdx.x % WARP;
    if (i >= size) return;
    Ring ring = {slots, rows, 0, stage};
    u32 cell = pick[i], length = length_of(ring, cell, n_step), end = cell;
    float sum = 0.0f, power = 1.0f;
    for (u32 step = 0; step < length; ++step) {
        end = later(ring, end, 1);
        sum = sum + power * rewards[end];
        power = power * gamma;
    }
    if (lane == 0) {
        action[i] = actions[cell];
        reward[i] = sum;
        discount[i] = stage[end] == TERMINATED ? 0.0f : power;
    }
    bool fours = ((u64)x | (u64)next | (u64)observation) % 16 == 0 && width % 4 == 0;
    copy_row(fours, x + (u64)i * width, observation + (u64)cell * width, width);
    copy_row(fours, next + (u64)i * width, observation + (u64)end * width, width);
}

// round(priority^exponent · 2²⁴), from 1 to 2⁴⁰; 1 for NaN.
INLINE u64 leaf_of(float error, float offset, float exponent) {
    double scaled = (double)power(error + offset, exponent) * (double)ONE + 0.5;
    return scaled >= (double)LARGEST ? LARGEST : scaled >= 1.0 ? (u64)scaled : 1;
}

// Gives each pick the leaf of its error: of equal picks the last writes, a cell whose leaf is 0 keeps it. One block.
KERNEL prioritise(u32 size, u64 *nodes, u32 depth, float offset, float exponent, const u32 *__restrict__ pick,
                  const float *__restrict__ error) {
    __shared__ u64 most[256];
    u32 leaves = 1u << depth;
    u64 largest = nodes[0] == 0 ? ONE : nodes[0];
    for (u32 i = threadIdx.x; i < size; i += blockDim.x) {
        u64 *node = nodes + leaves + pick[i];
        if (*(volatile u64 *)node != 0) {
            u64 leaf = leaf_of(error[i], offset, exponent);
            largest = leaf > largest ? leaf : largest;
            atomicMax(node, MARK | i);
        }
    }
    most[threadIdx.x] = largest;
    __syncthreads();
    for (u32 half = blockDim.x / 2; half > 0; half /= 2) {
        if (threadIdx.x < half && most[threadIdx.x + half] > most[threadIdx.x]) {
            most[threadIdx.x] = most[threadIdx.x + half];
        }
        __syncthreads();
    }
    for (u32 i = threadIdx.x; i < size; i += blockDim.x) {
        u64 *node = nodes + leaves + pick[i];
        if (*(volatile u64 *)node == (MARK | i)) *node = leaf_of(error[i], offset, exponent);
    }
    if (threadIdx.x == 0) nodes[0] = most[0];
    ADD_UP(size, leaves + pick[i])
}

// The real numbers of each pick's action.
KERNEL gather_reals(u32 size, u32 reals, const u32 *__restrict__ pick, const float *__restrict__ real,
                    float *__restrict__ gathered) {
    u32 i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < size * reals) gathered[i] = real[(u64)pick[i / reals] * reals + i % reals];
}
