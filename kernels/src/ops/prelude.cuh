// What the kernels share: the numbers of `envs::rng` and `envs::math`, the same operations in the same order.
//
// Compiled with --fmad=false: a product is rounded before it is added unless the text says fmaf. The type names are
// those of Rust, so that a kernel reads like the body that defines it.
#pragma once

typedef unsigned char u8;
typedef unsigned int u32;
typedef unsigned long long u64;

#define KERNEL extern "C" __global__ void
#define INLINE __device__ __forceinline__
#define WARP 32u
#define ALL 0xffffffffu
#define INFINITE __int_as_float(0x7f800000)

// Indices into the clock, and bytes of a stage.
#define UPDATES 0
#define STEPS 1
#define FIRST 0
#define TERMINATED 2
INLINE bool is_last(u8 stage) { return stage >= TERMINATED; }

// Random numbers by address: Philox4x32-10 (envs/src/rng).

#define PURPOSE_EXPLORE 3u
#define PURPOSE_SAMPLE 4u
#define PURPOSE_NOISE 7u
#define PURPOSE_FRACTION 8u

struct Stream {
    u32 key0, key1, row, episode, step, block;
    u32 words0, words1, words2, words3, next;
};

INLINE Stream stream_at(u32 key0, u32 key1, u32 row, u32 episode, u32 step, u32 purpose) {
    Stream stream = {key0, key1, row, episode, step, purpose << 24, 0, 0, 0, 0, 4};
    return stream;
}

INLINE u32 word(Stream &stream) {
    if (stream.next == 4) {
        u32 a = stream.row, b = stream.episode, c = stream.step, d = stream.block;
        u32 k0 = stream.key0, k1 = stream.key1;
#pragma unroll
        for (int round = 0; round < 10; ++round) {
            u32 high0 = __umulhi(a, 0xD2511F53u), low0 = a * 0xD2511F53u;
            u32 high1 = __umulhi(c, 0xCD9E8D57u), low1 = c * 0xCD9E8D57u;
            a = high1 ^ b ^ k0;
            b = low1;
            c = high0 ^ d ^ k1;
            d = low0;
            k0 += 0x9E3779B9u;
            k1 += 0xBB67AE85u;
        }
        stream.words0 = a;
        stream.words1 = b;
        stream.words2 = c;
        stream.words3 = d;
        stream.block = (stream.block & 0xff000000u) | ((stream.block + 1) & 0x00ffffffu);
        stream.next = 0;
    }
    u32 next = stream.next++;
    return next == 0 ? stream.words0 : next == 1 ? stream.words1 : next == 2 ? stream.words2 : stream.words3;
}

INLINE u64 word64(Stream &stream) {
    u64 low = word(stream);
    return low | (u64)word(stream) << 32;
}

// A uniform integer below n (Lemire).
INLINE u32 below(Stream &stream, u32 n) {
    u64 product = (u64)word(stream) * n;
    if ((u32)product < n) {
        u32 threshold = (0u - n) % n;
        while ((u32)product < threshold) product = (u64)word(stream) * n;
    }
    return (u32)(product >> 32);
}

INLINE u64 below64(Stream &stream, u64 n) {
    u64 draw = word64(stream);
    u64 low = draw * n, high = __umul64hi(draw, n);
    if (low < n) {
        u64 threshold = (0ull - n) % n;
        while (low < threshold) {
            draw = word64(stream);
            low = draw * n;
            high = __umul64hi(draw, n);
        }
    }
    return high;
}

INLINE bool bernoulli(Stream &stream, float p) { return (double)word(stream) < (double)p * 4294967296.0; }

INLINE float uniform(Stream &stream) { return (float)(word(stream) >> 8) * (1.0f / 16777216.0f); }

// Exponentials and logarithms (envs/src/math/exponential.rs, logarithm.rs, power.rs).

#define LN_2_HIGH_64 0.6931471803691238
#define LN_2_LOW_64 1.9082149292705877e-10
#define LOG2_E_64 1.44269504088896340736
#define ROUND_64 6755399441055744.0

INLINE double power_of_two64(int k) { return __longlong_as_double((long long)(k + 1023) << 52); }

INLINE double exp64(double x) {
    x = x > 710.0 ? 710.0 : x;
    x = x < -746.0 ? -746.0 : x;
    double rounded = x * LOG2_E_64 + ROUND_64;
    double k = rounded - ROUND_64;
    double high = x - k * LN_2_HIGH_64;
    double low = k * LN_2_LOW_64;
    double r = high - low;
    double square = r * r;
    double fourth = square * square;
    double lower = (0.5 + 0.16666666666666688 * r) + square * (0.041666666666666824 + 0.008333333333313896 * r);
    double middle = (0.0013888888888778006 + 0.00019841269903348891 * r)
        + square * (2.4801587558577806e-5 + 2.755722867989902e-6 * r);
    double upper = (2.7557067782981514e-7 + 2.511397506386758e-8 * r) + square * 2.097881656593048e-9;
    double rest = lower + fourth * (middle + fourth * upper);
    double power = 1.0 + (high + (square * rest - low));
    int whole = (int)__double_as_longlong(rounded);
    int half = whole >> 1;
    return power * power_of_two64(half) * power_of_two64(whole - half);
}

// x is positive and finite.
INLINE double ln64(double x) {
    const u64 least = 0x3fe6a09e667f3bcdull;
    bool subnormal = x < 2.2250738585072014e-308;
    u64 bits = (u64)__double_as_longlong(subnormal ? x * 18014398509481984.0 : x);
    u64 above = bits - least;
    double k = (double)((int)((long long)above >> 52) - (subnormal ? 54 : 0));
    double f = __longlong_as_double((long long)((above & 0x000fffffffffffffull) + least)) - 1.0;
    double s = f / (2.0 + f);
    double z = s * s;
    double w = z * z;
    double rest = z * (((0.6666666666666735 + z * 0.39999999999409336) + w * (0.2857142874369247 + z * 0.22222198428193188))
        + w * w * ((0.1818357240234432 + z * 0.15313830827653283) + w * 0.14798273032050557));
    double half_square = 0.5 * f * f;
    return k * LN_2_HIGH_64 - ((half_square - (s * (half_square + rest) + k * LN_2_LOW_64)) - f);
}

#define LN_2_HIGH 0.69314575f
#define LN_2_LOW 1.4286068e-6f
#define LOG2_E 1.44269504088896340736f
#define ROUND 12582912.0f

INLINE float power_of_two(int k) { return __uint_as_float((u32)(k + 127) << 23); }

INLINE float exponential(float x) {
    x = x > 89.0f ? 89.0f : x;
    x = x < -105.0f ? -105.0f : x;
    float rounded = x * LOG2_E + ROUND;
    float k = rounded - ROUND;
    float high = x - k * LN_2_HIGH;
    float low = k * LN_2_LOW;
    float r = high - low;
    float square = r * r;
    float rest = (0.49999994f + 0.16666517f * r)
        + square * ((0.041668102f + 0.0083691655f * r) + square * 0.0013838336f);
    float sum = 1.0f + high;
    float lost = high - (sum - 1.0f);
    float result = sum + (lost + (square * rest - low));
    int whole = (int)(__float_as_uint(rounded) - __float_as_uint(ROUND));
    int half = whole >> 1;
    return result * power_of_two(half) * power_of_two(whole - half);
}

INLINE float logarithm(float x) {
    if (!(x > 0.0f && x < INFINITE)) return x == 0.0f ? -INFINITE : x > 0.0f ? x : __int_as_float(0x7fc00000);
    const u32 least = 0x3f3504f3u;
    bool subnormal = x < 1.17549435e-38f;
    u32 above = __float_as_uint(subnormal ? x * 16777216.0f : x) - least;
    float k = (float)(((int)above >> 23) - (subnormal ? 24 : 0));
    float f = __uint_as_float((above & 0x007fffffu) + least) - 1.0f;
    float s = f / (2.0f + f);
    float z = s * s;
    float rest = z * ((0.6666666f + z * 0.40000972f) + z * z * (0.28498796f + z * 0.24278682f));
    float half_square = 0.5f * f * f;
    return k * LN_2_HIGH - ((half_square - (s * (half_square + rest) + (k * LN_2_LOW + 0.0f))) - f);
}

// 1/(1 + e^-x) (envs/src/math/logistic.rs).
INLINE float logistic(float x) {
    double power = exponential(-fabsf(x));
    double numerator = x < 0.0f ? power : 1.0;
    return (float)(numerator / (1.0 + power));
}

INLINE float hyperbolic_tangent(float x) {
    float magnitude = fabsf(x);
    if (magnitude < 0.55f) {
        float z = x * x;
        float series = (-0.3333333f + z * 0.13333227f)
            + z * z * ((-0.05394915f + z * 0.021711394f) + z * z * (-0.008194239f + z * 0.002145169f));
        return z == 0.0f ? x : x + x * z * series;
    }
    float value = 1.0f - 2.0f / (exponential(2.0f * magnitude) + 1.0f);
    return x < 0.0f ? -value : value;
}

// x^y for y finite.
INLINE float power(float x, float y) {
    double base = x, exponent = y;
    if (x > 0.0f && x < INFINITE) return (float)exp64(exponent * ln64(base));
    if (exponent == 0.0) return 1.0f;
    if (!(x == x)) return x;
    bool integer = exponent == trunc(exponent);
    bool odd = integer && 0.5 * exponent != trunc(0.5 * exponent);
    double magnitude = fabs(base);
    double result;
    if (magnitude == 0.0 || magnitude == (double)INFINITE) {
        result = (magnitude == 0.0) == (exponent > 0.0) ? 0.0 : (double)INFINITE;
    } else if (integer) {
        result = exp64(exponent * ln64(magnitude));
    } else {
        return __int_as_float(0x7fc00000);
    }
    return (float)((__double_as_longlong(base) < 0 && odd) ? -result : result);
}

// The normal quantile (envs/src/math/special.rs).

INLINE double polynomial(double x, double a, double b, double c, double d, double e, double f, double g, double h) {
    double square = x * x;
    double lower = (a + x * b) + square * (c + x * d);
    double upper = (e + x * f) + square * (g + x * h);
    return lower + square * square * upper;
}

INLINE double normal_quantile64(double p) {
    double q = p - 0.5;
    if (fabs(q) <= 0.425) {
        double x = 0.180625 - q * q;
        double above = polynomial(x, 10.179205485111815, 356.002752528361, 4539.164900965688, 25931.986104094325,
                                  65875.29509793955, 63878.65511726085, 15193.753039787394, 0.0);
        double below = polynomial(x, 1.0, 42.31333070160091, 687.1870074920579, 5394.196021424751, 21213.794301586597,
                                  39307.89580009271, 28729.085735721943, 5226.495278852854);
        return q * (3.3871328727963665 + (6.296821239066775e-17 - x * (above / below)));
    }
    double tail = q < 0.0 ? p : 1.0 - p, magnitude;
    double r = sqrt(-ln64(tail));
    if (r <= 5.0) {
        double x = r - 1.6;
        magnitude = polynomial(x, 1.4234371107496835, 4.630337846156546, 5.769497221460691, 3.6478483247632045,
                               1.2704582524523684, 0.2417807251774506, 0.022723844989269184, 0.0007745450142783414)
            / polynomial(x, 1.0, 2.053191626637759, 1.6763848301838038, 0.6897673349851, 0.14810397642748008,
                         0.015198666563616457, 0.0005475938084995345, 1.0507500716444169e-9);
    } else {
        double x = r - 5.0;
        magnitude = polynomial(x, 6.657904643501103, 5.463784911164114, 1.7848265399172913, 0.29656057182850487,
                               0.026532189526576124, 0.0012426609473880784, 2.7115555687434876e-5,
                               2.0103343992922881e-7)
            / polynomial(x, 1.0, 0.599832206555888, 0.1369298809227358, 0.014875361290850615, 0.0007868691311456133,
                         1.8463183175100548e-5, 1.421511758316446e-7, 2.0442631033899397e-15);
    }
    return q < 0.0 ? -magnitude : magnitude;
}

// Standard normal by inversion; one word, whose lowest bit is the sign.
INLINE float normal(Stream &stream) {
    u32 bits = word(stream);
    float lower = ((float)(bits >> 1) + 0.5f) * (1.0f / 4294967296.0f);
    float magnitude = (float)normal_quantile64(lower);
    return (bits & 1) == 0 ? magnitude : -magnitude;
}

// A number that goes linearly from `from` to `to` over `over` counts.
INLINE float ramp(float from, float to, u32 over, u32 count) {
    return count >= over ? to : from + (to - from) * ((float)count / (float)over);
}

// Sums over a batch in index order, by one warp: lane 0 adds first[i], lane 1 second[i]; then both by the size.
template <typename First, typename Second>
INLINE void batch_means(u32 size, First first, Second second, float *__restrict__ means) {
    __shared__ float tile[2][WARP + 1];
    u32 lane = threadIdx.x;
    float sum = 0.0f;
    for (u32 start = 0; start < size; start += WARP) {
        if (start + lane < size) {
            tile[0][lane] = first(start + lane);
            tile[1][lane] = second(start + lane);
        }
        __syncthreads();
        u32 count = size - start < WARP ? size - start : WARP;
        if (lane < 2) {
            for (u32 j = 0; j < count; ++j) sum += tile[lane][j];
        }
        __syncthreads();
    }
    if (lane < 2) means[lane] = sum / (float)size;
}

// Zeroes those of the `rows` rows, each `length` long, that the threads of this block have, one each: side by side, so that
// every sector is met once. All threads of the block call it, also those without a row.
INLINE void clear(float *table, u32 rows, u32 length) {
    u32 first = blockIdx.x * blockDim.x;
    u32 count = rows - first < blockDim.x ? rows - first : blockDim.x;
    float *own = table + (u64)first * length;
    for (u32 i = threadIdx.x; i < count * length; i += blockDim.x) own[i] = 0.0f;
    __syncthreads();
}

// The lowest index of the largest of `length` numbers that lie `stride` apart, by one thread; as `argmax`.
INLINE u32 largest(const float *row, u32 length, u32 stride) {
    u32 index = 0;
    float best = -INFINITE;
    for (u32 i = 0; i < length; ++i) {
        float number = row[(u64)i * stride];
        if (number > best) {
            best = number;
            index = i;
        }
    }
    return index;
}

// Numbers that lie before `row` in its sector of 32 bytes. A warp that starts so much earlier, and leaves them out, meets
// every sector of the row once.
INLINE u32 lead(const float *row) { return (u32)((u64)row / sizeof(float) % 8); }

// The index that belongs to the largest of the lanes' numbers, the lowest among equals, for all lanes of a warp.
INLINE u32 best_of_warp(float best, u32 index) {
    for (u32 apart = WARP / 2; apart > 0; apart /= 2) {
        float other = __shfl_xor_sync(ALL, best, apart);
        u32 place = __shfl_xor_sync(ALL, index, apart);
        if (other > best || (other == best && place < index)) {
            best = other;
            index = place;
        }
    }
    return index;
}

// The lowest index of the largest number, for all lanes of a warp; a NaN is never larger than anything, and a row
// without any number above minus infinity gives 0.
INLINE u32 argmax(const float *row, u32 length) {
    u32 index = 0;
    float best = -INFINITE;
    for (int i = (int)(threadIdx.x % WARP) - (int)lead(row); i < (int)length; i += WARP) {
        float number = i < 0 ? -INFINITE : row[i];
        if (number > best) {
            best = number;
            index = i;
        }
    }
    return best_of_warp(best, index);
}
