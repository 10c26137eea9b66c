#include "hog_people.h"

#include <algorithm>
#include <opencv2/objdetect.hpp>

extern "C" int hog_people(float *out, int room) {
  try {
    const std::vector<float> all = cv::HOGDescriptor::getDefaultPeopleDetector();
    if (static_cast<int>(all.size()) <= room) std::copy(all.begin(), all.end(), out);
    return static_cast<int>(all.size());
  } catch (...) {
    return 0;
  }
}
