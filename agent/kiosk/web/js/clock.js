// The time in Viet Nam, whatever zone the machine is set to: the daemon counts
// its days and deadlines by it.
const zone = new Intl.DateTimeFormat('en-GB', {
  timeZone: 'Asia/Ho_Chi_Minh', hourCycle: 'h23', year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit',
});

// vietnam gives {year, month, day, hour, minute} of a moment, each as it is written.
export const vietnam = (moment = new Date()) => Object.fromEntries(zone.formatToParts(moment).map(({ type, value }) => [type, value]));

// today is the day in Viet Nam as YYYY-MM-DD.
export function today() {
  const now = vietnam();
  return `${now.year}-${now.month}-${now.day}`;
}
