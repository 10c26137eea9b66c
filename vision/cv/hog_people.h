#pragma once

#ifdef __cplusplus
extern "C" {
#endif

// hog_people is OpenCV's own detector of people by the gradients of their outline,
// for windows of 64×128 pixels.
typedef struct hog_people hog_people;

// hog_people_new returns NULL where OpenCV cannot make one.
hog_people *hog_people_new(void);
void hog_people_free(hog_people *);

// hog_people_look judges each window of the picture, 8 pixels from one to the next.
// Of those worth threshold or more (above 0 is a person) it writes x, y of the upper
// left corner and the worth, in turn, into out, and returns how many; of more than
// room it leaves the rest out. It returns -1 where OpenCV failed.
int hog_people_look(hog_people *, const unsigned char *bgr, int cols, int rows, long step, double threshold, float *out, int room);

#ifdef __cplusplus
}
#endif
