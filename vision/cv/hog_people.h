#pragma once

#ifdef __cplusplus
extern "C" {
#endif

// hog_people copies the coefficients of OpenCV's own detector of people into out
// and returns how many there are; it copies none when room is too small.
int hog_people(float *out, int room);

#ifdef __cplusplus
}
#endif
