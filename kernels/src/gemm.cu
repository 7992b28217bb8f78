// Matrix products: every element one chain of fused multiply-adds over the depth, in index order.
//
// A block makes a square tile of the result, each thread 4 × 4 elements of it. Slabs of 16 of the depth pass through
// shared memory, stored depth-major, so that a thread reads four neighbours at once. Where everything lies on
// boundaries of four numbers, four travel at once; otherwise single ones do. The last slab stops at the depth, because a
// product of padding would turn -0 into +0.
#include "prelude.cuh"

#define SLAB 16

// Rows are 4 longer than the tile: still on boundaries of four, and a warp that turns an operand meets 32 banks.
template <int TILE> struct Slab {
    float rows[SLAB][TILE + 4];
};

// An operand's way through slabs, four numbers at a time. Its element (i, k) is numbers[i * stride + k] (depth-first) or
// numbers[k * stride + i]. Beyond the last row the last ones are read again, since their products are never stored.
template <int TILE, bool DEPTH_FIRST> struct Quads {
    // Each turn goes on by as many rows (depth-first) or as much of the depth as the threads of a block cover.
    enum : u32 { AT_ONCE = 4, TURNS = 64 / TILE, STEP = (DEPTH_FIRST ? TILE : SLAB) / TURNS };
    const float *places[TURNS];
    u64 advance;
    u32 own_k, own_i;

    INLINE Quads(const float *__restrict__ numbers, u32 stride, u32 first, u32 rows) {
        u32 lane = threadIdx.x % WARP, warp = threadIdx.x / WARP;
        // Depth-first: 8 of the depth, a sector, and 16 rows for a warp, the other 8 for the next, then further rows.
        own_k = DEPTH_FIRST ? lane % 2 * 4 + warp % 2 * 8 : threadIdx.x / (TILE / 4);
        own_i = DEPTH_FIRST ? lane / 2 + warp / 2 * 16 : threadIdx.x % (TILE / 4) * 4;
#pragma unroll
        for (u32 turn = 0; turn < TURNS; ++turn) {
            u32 i = first + own_i + (DEPTH_FIRST ? turn * STEP : 0), k = own_k + (DEPTH_FIRST ? 0 : turn * STEP);
            i = i < rows ? i : rows - (DEPTH_FIRST ? 1 : 4);
            places[turn] = numbers + (DEPTH_FIRST ? i * stride + k : k * stride + i);
        }
        advance = DEPTH_FIRST ? SLAB : SLAB * stride;
    }

    // Stores the next slab, of which `left` of the depth are there.
    template <bool WHOLE> INLINE void load(Slab<TILE> &slab, u32 left) {
#pragma unroll
        for (u32 turn = 0; turn < TURNS; ++turn) {
            u32 i = own_i + (DEPTH_FIRST ? turn * STEP : 0), k = own_k + (DEPTH_FIRST ? 0 : turn * STEP);
            if (WHOLE || k < left) {
                float4 four = *(const float4 *)places[turn];
                if (DEPTH_FIRST) {
                    slab.rows[k][i] = four.x;
                    slab.rows[k + 1][i] = four.y;
                    slab.rows[k + 2][i] = four.z;
                    slab.rows[k + 3][i] = four.w;
                } else {
                    *(float4 *)&slab.rows[k][i] = four;
                }
            }
            places[turn] += advance;
        }
    }
};

// The same, one number at a time.
template <int TILE, bool DEPTH_FIRST> struct Singles {
    enum : u32 { AT_ONCE = 1, TURNS = SLAB * 16 / TILE, STEP = DEPTH_FIRST ? TILE / TURNS : SLAB / TURNS };
    const float *numbers;
    u32 offsets[TURNS], advance, own_k, own_i;

    INLINE Singles(const float *__restrict__ numbers, u32 stride, u32 first, u32 rows) : numbers(numbers) {
        u32 place = threadIdx.x;
        // Depth-first: 8 of the depth and 4 rows for a warp, the other 8 for the next, then further rows.
        own_k = DEPTH_FIRST ? place % 8 + place / WARP % 2 * 8 : place / TILE;
        own_i = DEPTH_FIRST ? place / 8 % 4 + place / (2 * WARP) * 4 : place % TILE;
#pragma unroll
        for (u32 turn = 0; turn < TURNS; ++turn) {
            u32 i = first + own_i + (DEPTH_FIRST ? turn * STEP : 0), k = own_k + (DEPTH_FIRST ? 0 : turn * STEP);
            i = i < rows ? i : rows - 1;
            offsets[turn] = DEPTH_FIRST ? i * stride + k : k * stride + i;
        }
        advance = DEPTH_FIRST ? SLAB : SLAB * stride;
    }

    template <bool WHOLE> INLINE void load(Slab<TILE> &slab, u32 left) {
#pragma unroll
        for (u32 turn = 0; turn < TURNS; ++turn) {
            u32 i = own_i + (DEPTH_FIRST ? turn * STEP : 0), k = own_k + (DEPTH_FIRST ? 0 : turn * STEP);
            if (WHOLE || k < left) slab.rows[k][i] = numbers[offsets[turn]];
        }
        numbers += advance;
    }
};

INLINE void add_products(float sums[4][4], float4 left, float4 right) {
    float a[4] = {left.x, left.y, left.z, left.w};
    float b[4] = {right.x, right.y, right.z, right.w};
#pragma unroll
    for (int i = 0; i < 4; ++i) {
#pragma unroll
        for (int j = 0; j < 4; ++j) sums[i][j] = fmaf(a[i], b[j], sums[i][j]);
    }
}

INLINE float rectified(float sum) { return sum > 0.0f ? sum : 0.0f; }

// All slabs; a warp that has nothing to add still brings its part of them.
template <bool ADDS, int TILE, typename Left, typename Right>
INLINE void pass(Slab<TILE> &a, Slab<TILE> &b, u32 depth, Left &left, Right &right, u32 row, u32 column,
                 float sums[4][4]) {
    auto add = [&](u32 step) {
        add_products(sums, *(const float4 *)&a.rows[step][row], *(const float4 *)&b.rows[step][column]);
    };
    u32 rest = depth;
#pragma unroll 1
    for (; rest >= SLAB; rest -= SLAB) {
        left.template load<true>(a, SLAB);
        right.template load<true>(b, SLAB);
        __syncthreads();
        if (ADDS) {
#pragma unroll
            for (u32 step = 0; step < SLAB; ++step) add(step);
        }
        __syncthreads();
    }
    if (rest == 0) return;
    left.template load<false>(a, rest);
    right.template load<false>(b, rest);
    __syncthreads();
    if (ADDS) {
#pragma unroll 1
        for (u32 step = 0; step < rest; ++step) add(step);
    }
}

template <template <int, bool> class Way, int TILE, bool LEFT_DEPTH_FIRST, bool RIGHT_DEPTH_FIRST>
INLINE void product(u32 rows, u32 depth, u32 columns, const float *__restrict__ left, u32 left_stride,
                    const float *__restrict__ right, u32 right_stride, const float *__restrict__ start, u32 relu,
                    float *__restrict__ out) {
    __shared__ __align__(16) Slab<TILE> a, b;
    u32 row = blockIdx.y * TILE, column = blockIdx.x * TILE;
    // A warp goes down the tile, so that beyond the last column there are warps with nothing to add.
    u32 own_row = threadIdx.x % (TILE / 4) * 4, own_column = threadIdx.x / (TILE / 4) * 4;
    bool inside = row + own_row < rows && column + own_column < columns;
    float sums[4][4];
#pragma unroll
    for (int j = 0; j < 4; ++j) {
        u32 at = column + own_column + j;
        float first = start != nullptr && at < columns ? start[at] : 0.0f;
#pragma unroll
        for (int i = 0; i < 4; ++i) sums[i][j] = first;
    }
    Way<TILE, LEFT_DEPTH_FIRST> from_left(left, left_stride, row, rows);
    Way<TILE, RIGHT_DEPTH_FIRST> from_right(right, right_stride, column, columns);
    if (!__any_sync(ALL, inside)) {
        pass<false>(a, b, depth, from_left, from_right, own_row, own_column, sums);
        return;
    }
    pass<true>(a, b, depth, from_left, from_right, own_row, own_column, sums);
    if (!inside) return;
    if (relu) {
#pragma unroll
        for (int i = 0; i < 4; ++i) {
#pragma unroll
            for (int j = 0; j < 4; ++j) sums[i][j] = rectified(sums[i][j]);
        }
    }
    float *place = out + (u64)(row + own_row) * columns + column + own_column;
#pragma unroll
    for (int i = 0; i < 4; ++i) {
        if (row + own_row + i >= rows) break;
        if (from_left.AT_ONCE == 4) {
            __stwb((float4 *)place, make_float4(sums[i][0], sums[i][1], sums[i][2], sums[i][3]));
        } else {
#pragma unroll
            for (int j = 0; j < 4; ++j) {
                if (column + own_column + j < columns) place[j] = sums[i][j];
            }
        }
        place += columns;
    }
}

#define PRODUCT(name, way, tile, left_depth_first, right_depth_first)                                                \
    KERNEL __launch_bounds__(tile *tile / 16)                                                                          \
        name(u32 rows, u32 depth, u32 columns, const float *left, u32 left_stride, const float *right,                 \
             u32 right_stride, const float *start, u32 relu, float *out) {                                             \
        product<way, tile, left_depth_first, right_depth_first>(rows, depth, columns, left, left_stride, right,      \
                                                                  right_stride, start, relu, out);                     \
    }

// By how the operands lie: x·W, xᵀ·dy, dy·Wᵀ.
PRODUCT(gemm_forward_32, Quads, 32, true, false)
PRODUCT(gemm_weights_32, Quads, 32, false, false)
PRODUCT(gemm_inputs_32, Quads, 32, true, true)
PRODUCT(gemm_forward_64, Quads, 64, true, false)
PRODUCT(gemm_weights_64, Quads, 64, false, false)
PRODUCT(gemm_inputs_64, Quads, 64, true, true)
PRODUCT(gemm_forward_32_singles, Singles, 32, true, false)
PRODUCT(gemm_weights_32_singles, Singles, 32, false, false)
PRODUCT(gemm_inputs_32_singles, Singles, 32, true, true)
PRODUCT(gemm_forward_64_singles, Singles, 64, true, false)
PRODUCT(gemm_weights_64_singles, Singles, 64, false, false)
PRODUCT(gemm_inputs_64_singles, Singles, 64, true, true)
