#include "hog_people.h"

#include <algorithm>
#include <opencv2/objdetect.hpp>

struct hog_people {
  cv::HOGDescriptor h;
  std::vector<cv::Point> places;
  std::vector<double> weights;
};

// No exception may cross into Go: it would end the process.
extern "C" hog_people *hog_people_new(void) {
  try {
    auto d = new hog_people;
    d->h.setSVMDetector(cv::HOGDescriptor::getDefaultPeopleDetector());
    return d;
  } catch (...) {
    return nullptr;
  }
}

extern "C" void hog_people_free(hog_people *d) { delete d; }

extern "C" int hog_people_look(hog_people *d, const unsigned char *bgr, int cols, int rows, long step, double threshold, float *out, int room) {
  try {
    const cv::Mat m(rows, cols, CV_8UC3, const_cast<unsigned char *>(bgr), static_cast<size_t>(step));
    d->h.detect(m, d->places, d->weights, threshold, cv::Size(8, 8), cv::Size(0, 0));
    int n = std::min(room, static_cast<int>(d->places.size()));
    for (int i = 0; i < n; i++) {
      out[3 * i] = static_cast<float>(d->places[i].x);
      out[3 * i + 1] = static_cast<float>(d->places[i].y);
      out[3 * i + 2] = static_cast<float>(d->weights[i]);
    }
    return n;
  } catch (...) {
    return -1;
  }
}
