// Dense layers: what stands beside the matrix products of gemm.cu.
#include "prelude.cuh"

// dy where y > 0, +0 elsewhere (with `relu`), and its column sums in row order. A thread owns a column.
KERNEL linear_bias(u32 rows, u32 outputs, u32 relu, const float *__restrict__ y, float *__restrict__ dy,
                   float *__restrict__ bias) {
    u32 column = blockIdx.x * blockDim.x + threadIdx.x;
    if (column >= outputs) return;
    float sum = 0.0f;
#pragma unroll 8
    for (u32 row = 0; row < rows; ++row) {
        u64 at = (u64)row * outputs + column;
        float slope = dy[at];
        if (relu) {
            slope = y[at] > 0.0f ? slope : 0.0f;
            dy[at] = slope;
        }
        sum += slope;
    }
    bias[column] = sum;
}

// What a product by a library lacks: y + start by columns, where there is one, and the ReLU of it.
KERNEL linear_finish(u32 cells, u32 columns, u32 relu, const float *__restrict__ start, float *__restrict__ y) {
    u32 at = blockIdx.x * blockDim.x + threadIdx.x;
    if (at >= cells) return;
    float number = y[at];
    if (start != nullptr) number += start[at % columns];
    y[at] = !relu || number > 0.0f ? number : 0.0f;
}

// y[r]: the output chosen[r] of row r. A warp owns 32 rows, a lane one of them; x passes through shared memory, because
// its rows are long and lanes need one number of each.
KERNEL linear_chosen(u32 rows, u32 inputs, u32 outputs, const float *__restrict__ weight,
                     const float *__restrict__ bias, const float *__restrict__ x, const u32 *__restrict__ chosen,
                     float *__restrict__ y) {
    __shared__ float tile[WARP][WARP + 1];
    u32 lane = threadIdx.x, first = blockIdx.x * WARP, row = first + lane;
    u32 column = row < rows ? chosen[row] : 0;
    float chain = bias[column];
    for (u32 start = 0; start < inputs; start += WARP) {
        for (u32 r = 0; r < WARP; ++r) {
            bool inside = first + r < rows && start + lane < inputs;
            tile[r][lane] = inside ? x[(u64)(first + r) * inputs + start + lane] : 0.0f;
        }
        __syncthreads();
        u32 count = inputs - start < WARP ? inputs - start : WARP;
#pragma unroll 8
        for (u32 k = 0; k < count; ++k) {
            chain = fmaf(tile[lane][k], weight[(u64)(start + k) * outputs + column], chain);
        }
        __syncthreads();
    }
    if (row < rows) y[row] = chain;
}

INLINE bool is_negative_zero(float number) { return __float_as_uint(number) == 0x80000000u; }

// A warp owns 32 inputs of one column of W: it looks for the rows that chose the column and runs only their links of the
// chain. Links of dy = 0 change nothing but the sign of a zero; where -0 is left, the whole chain decides. Eight warps
// of a block own eight neighbouring columns, so that the gradient is stored in whole sectors; rows are 4 longer than a
// warp, so that eight columns of four inputs are 32 banks.
KERNEL linear_chosen_gradient(u32 rows, u32 inputs, u32 outputs, const float *__restrict__ x,
                              const u32 *__restrict__ chosen, const float *__restrict__ dy,
                              float *__restrict__ weight, float *__restrict__ bias) {
    __shared__ float tile[8][WARP + 4];
    u32 lane = threadIdx.x % WARP, own = threadIdx.x / WARP;
    u32 column = blockIdx.y * 8 + own, input = blockIdx.x * WARP + lane;
    float chain = 0.0f, sum = 0.0f;
    for (u32 start = 0; start < rows; start += WARP) {
        bool chose = start + lane < rows && chosen[start + lane] == column;
        for (u32 left = __ballot_sync(ALL, chose); left != 0; left &= left - 1) {
            u32 row = start + __ffs(left) - 1;
            float slope = dy[row];
            sum += slope;
            if (input < inputs) chain = fmaf(x[(u64)row * inputs + input], slope, chain);
        }
    }
    if (is_negative_zero(chain) && input < inputs) {
        chain = 0.0f;
        for (u32 row = 0; row < rows; ++row) {
            chain = fmaf(x[(u64)row * inputs + input], chosen[row] == column ? dy[row] : 0.0f, chain);
        }
    }
    tile[own][lane] = chain;
    if (blockIdx.x == 0 && lane == 0 && column < outputs) bias[column] = sum;
    __syncthreads();
    u32 place = blockIdx.y * 8 + threadIdx.x % 8, turned = threadIdx.x / 8;
    if (place < outputs && blockIdx.x * WARP + turned < inputs) {
        weight[(u64)(blockIdx.x * WARP + turned) * outputs + place] = tile[threadIdx.x % 8][turned];
    }
}

// dx[r][k] = dy[r] · W[k][chosen[r]], the one link that the dense chain over the outputs keeps.
KERNEL linear_chosen_inputs(u32 rows, u32 inputs, u32 outputs, const float *__restrict__ weight,
                            const u32 *__restrict__ chosen, const float *__restrict__ dy, float *__restrict__ dx) {
    u32 row = blockIdx.x, k = blockIdx.y * blockDim.x + threadIdx.x;
    if (k >= inputs) return;
    const float *weights = weight + (u64)k * outputs;
    u32 column = chosen[row];
    float slope = fmaf(dy[row], weights[column], 0.0f);
    if (is_negative_zero(slope)) {
        for (u32 after = column + 1; after < outputs; ++after) {
            if (__float_as_int(weights[after]) >= 0) {
                slope = 0.0f;
                break;
            }
        }
    }
    dx[(u64)row * inputs + k] = slope;
}
