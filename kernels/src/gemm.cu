// Matrix products: every element one chain of fused multiply-adds over the depth, in index order.
//
// A block makes a square tile of the result, each thread 4 × 4 elements of it. Slabs of 16 of the depth pass through
// shared memory, stored depth-major, so that a thread reads four neighbours at once. An operand that lies depth-first
// is turned while it is stored: a warp takes 8 of the depth by 4 rows, whole sectors of 32 bytes, and rows of the slab
// are 4 longer than the tile, so that its 32 numbers fall into 32 banks. The last slab stops at the depth, because a
// product of padding would turn -0 into +0.
#include "prelude.cuh"

#define SLAB 16

// An operand's way through a slab [SLAB][TILE + 4]: its element (i, k) is numbers[i * stride + k] (depth-first) or
// numbers[k * stride + i]. Places are worked out once. Beyond the last row the last one is read again, since its products
// are never stored.
template <int TILE, bool DEPTH_FIRST> struct Way {
    // Each turn goes on by as many rows (depth-first) or as much of the depth as the threads of a block cover.
    enum : u32 { TURNS = SLAB * 16 / TILE, STEP = DEPTH_FIRST ? TILE / TURNS : SLAB / TURNS };
    const float *numbers;
    u32 offsets[TURNS], advance, own_k, own_i;

    INLINE Way(const float *__restrict__ numbers, u32 stride, u32 first, u32 rows) : numbers(numbers) {
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

    // Stores the next slab, of which `left` of the depth are there.
    template <bool WHOLE> INLINE void load(float (*slab)[TILE + 4], u32 left) {
#pragma unroll
        for (u32 turn = 0; turn < TURNS; ++turn) {
            u32 i = own_i + (DEPTH_FIRST ? turn * STEP : 0), k = own_k + (DEPTH_FIRST ? 0 : turn * STEP);
            if (WHOLE || k < left) slab[k][i] = numbers[offsets[turn]];
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

template <int TILE, bool LEFT_DEPTH_FIRST, bool RIGHT_DEPTH_FIRST>
INLINE void product(u32 rows, u32 depth, u32 columns, const float *__restrict__ left, u32 left_stride,
                    const float *__restrict__ right, u32 right_stride, const float *__restrict__ start, u32 relu,
                    float *__restrict__ out) {
    __shared__ __align__(16) float a[SLAB][TILE + 4], b[SLAB][TILE + 4];
    u32 row = blockIdx.y * TILE, column = blockIdx.x * TILE;
    u32 own_row = threadIdx.x / (TILE / 4) * 4, own_column = threadIdx.x % (TILE / 4) * 4;
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
    u32 left_over = depth;
    for (; left_over >= SLAB; left_over -= SLAB) {
        from_left.template load<true>(a, SLAB);
        from_right.template load<true>(b, SLAB);
        __syncthreads();
#pragma unroll
        for (int step = 0; step < SLAB; ++step) {
            add_products(sums, *(const float4 *)&a[step][own_row], *(const float4 *)&b[step][own_column]);
        }
        __syncthreads();
    }
    if (left_over > 0) {
        from_left.template load<false>(a, left_over);
        from_right.template load<false>(b, left_over);
        __syncthreads();
#pragma unroll 1
        for (u32 step = 0; step < left_over; ++step) {
            add_products(sums, *(const float4 *)&a[step][own_row], *(const float4 *)&b[step][own_column]);
        }
    }
#pragma unroll
    for (int i = 0; i < 4; ++i) {
        if (row + own_row + i >= rows) break;
        float *place = out + (u64)(row + own_row + i) * columns + column + own_column;
#pragma unroll
        for (int j = 0; j < 4; ++j) {
            if (column + own_column + j < columns) {
                place[j] = !relu || sums[i][j] > 0.0f ? sums[i][j] : 0.0f;
            }
        }
    }
}

#define PRODUCT(name, tile, left_depth_first, right_depth_first)                                                       \
    KERNEL __launch_bounds__(tile *tile / 16)                                                                          \
        name(u32 rows, u32 depth, u32 columns, const float *left, u32 left_stride, const float *right,                 \
             u32 right_stride, const float *start, u32 relu, float *out) {                                             \
        product<tile, left_depth_first, right_depth_first>(rows, depth, columns, left, left_stride, right,             \
                                                           right_stride, start, relu, out);                            \
    }

// By how the operands lie: x·W, xᵀ·dy, dy·Wᵀ.
PRODUCT(gemm_forward_32, 32, true, false)
PRODUCT(gemm_weights_32, 32, false, false)
PRODUCT(gemm_inputs_32, 32, true, true)
PRODUCT(gemm_forward_64, 64, true, false)
PRODUCT(gemm_weights_64, 64, false, false)
PRODUCT(gemm_inputs_64, 64, true, true)
