// Normalised advantage: a thread for each row. d = u - mu stands where the gradient by mu will be, z = transpose(L) d
// where those by the diagonal of L will be, until they are used up.
#include "prelude.cuh"

INLINE u32 lower(u32 reals, u32 i, u32 j) { return 1 + reals + i * (i + 1) / 2 + j; }

INLINE float factor(const float *row, u32 reals, u32 i, u32 j) {
    float raw = row[lower(reals, i, j)];
    return i == j ? exponential(raw) : raw;
}

// Column j of transpose(L) d.
INLINE float projected(const float *row, const float *u, u32 reals, u32 j) {
    float z = 0.0f;
    for (u32 i = j; i < reals; ++i) {
        z = z + factor(row, reals, i, j) * (u[i] - hyperbolic_tangent(row[1 + i]));
    }
    return z;
}

KERNEL naf_best(u32 rows, u32 reals, u32 width, const float *__restrict__ outputs, float *__restrict__ best,
                float *__restrict__ value) {
    u32 r = blockIdx.x * blockDim.x + threadIdx.x;
    if (r >= rows) return;
    const float *row = outputs + (u64)r * width;
    value[r] = row[0];
    for (u32 i = 0; i < reals; ++i) best[(u64)r * reals + i] = hyperbolic_tangent(row[1 + i]);
}

KERNEL naf(u32 rows, u32 reals, u32 width, const float *__restrict__ outputs, const float *__restrict__ real,
           float *__restrict__ q) {
    u32 r = blockIdx.x * blockDim.x + threadIdx.x;
    if (r >= rows) return;
    const float *row = outputs + (u64)r * width;
    float squares = 0.0f;
    for (u32 j = 0; j < reals; ++j) {
        float z = projected(row, real + (u64)r * reals, reals, j);
        squares = squares + z * z;
    }
    q[r] = row[0] - 0.5f * squares;
}

KERNEL naf_back(u32 rows, u32 reals, u32 width, const float *__restrict__ outputs, const float *__restrict__ real,
                const float *__restrict__ dq, float *__restrict__ doutputs) {
    u32 r = blockIdx.x * blockDim.x + threadIdx.x;
    if (r >= rows) return;
    const float *row = outputs + (u64)r * width, *u = real + (u64)r * reals;
    float *drow = doutputs + (u64)r * width, slope = dq[r];
    for (u32 j = 0; j < reals; ++j) drow[lower(reals, j, j)] = projected(row, u, reals, j);
    drow[0] = slope;
    for (u32 i = reals; i-- > 0;) {
        float mean = hyperbolic_tangent(row[1 + i]), d = u[i] - mean, pull = 0.0f;
        for (u32 j = 0; j <= i; ++j) {
            float z = drow[lower(reals, j, j)], l = factor(row, reals, i, j);
            pull = pull + l * z;
            drow[lower(reals, i, j)] = -(slope * (z * d * (i == j ? l : 1.0f)));
        }
        drow[1 + i] = slope * (pull * (1.0f - mean * mean));
    }
}
