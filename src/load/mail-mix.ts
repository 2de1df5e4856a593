/** A mix of messages as users send them: most of some 50 KiB, some of 10 MB, half of them to another provider. */
import { messageMaker, type MessageMaker } from '../bench/message.js'

const KIBIBYTE = 1024
const MEDIAN = 50 * KIBIBYTE
/** Of the logarithm: one in a hundred is ten times the median, or more. */
const DEVIATION = 1
const LEAST = 2 * KIBIBYTE
const LARGE = 10e6
/** One message in so many is a large one. */
const LARGE_EVERY = 200
const BRIEF_EVERY = 4

/** Sizes in bytes: evenly spread over the log-normal distribution, in an order that mixes small and large ones. */
export function mixedSizes(count: number): number[] {
  // A stride without a common divisor visits every place once.
  const stride = strideFor(count)
  return Array.from({ length: count }, (_, at) => {
    if (at % LARGE_EVERY === LARGE_EVERY - 1) return LARGE
    const quantile = (((at * stride) % count) + 0.5) / count
    return Math.max(LEAST, Math.round(MEDIAN * Math.exp(DEVIATION * normal(quantile))))
  })
}

/** Messages of these sizes, by turns to a mailbox of the sender's provider and to one elsewhere, again and again. */
export function mailMix(sizes: readonly number[], from: string, to: readonly string[]): () => MessageMaker {
  const makers = sizes.map((size, at) => {
    const recipient = to[at % to.length]
    return messageMaker(size, from, recipient === undefined ? [] : [recipient], { brief: at % BRIEF_EVERY === 1 })
  })
  let turn = 0
  return () => {
    const maker = makers[turn++ % makers.length]
    if (maker === undefined) throw new Error('a mix of nothing')
    return maker
  }
}

function strideFor(count: number): number {
  let stride = Math.max(1, Math.round(count * 0.618))
  while (divisor(stride, count) !== 1) stride++
  return stride
}

function divisor(a: number, b: number): number {
  return b === 0 ? a : divisor(b, a % b)
}

/** The normal quantile, by Tukey's lambda: off by less than a hundredth where it matters here. */
function normal(quantile: number): number {
  return (quantile ** 0.135 - (1 - quantile) ** 0.135) / 0.1975
}
