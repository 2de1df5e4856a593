/** The measurements on two providers that write to each other. */
import { ExchangeLog } from '../bench/exchange.js'
import { saturate, submitOne, trickle, type Load } from '../bench/load.js'
import { messageMaker } from '../bench/message.js'
import { quantiles, type Throughput } from '../bench/throughput.js'
import { mailMix, mixedSizes } from './mail-mix.js'
import { withProviders, type Providers } from './providers.js'
import type { ProcessFigures } from './readings.js'

export interface ExchangePace {
  readonly workers: number
  readonly connections: number
  /** Milliseconds. */
  readonly warmUp: number
  readonly saturation: number
  readonly steady: number
  readonly large: number
  /** Messages of the mix before it begins again. */
  readonly mix: number
  /** Recipients of the one message that has many. */
  readonly recipients: number
  /** Whether one message of 100 MB comes in the middle of all others. */
  readonly huge: boolean
}

type Latencies = Throughput['latencies']

/** One part of the run. */
export interface Stretch {
  readonly messages: number
  readonly messagesPerSecond: number
  /** Milliseconds from when a message was due. */
  readonly latencies: Latencies
  readonly processes: readonly ProcessFigures[]
}

export interface ExchangeFigures {
  /** As many messages as go through. */
  readonly saturation: Stretch
  /** At 70 % of that rate. */
  readonly steady: Stretch
  /** Messages of 30 MB one after the other, and small ones. */
  readonly large: Stretch
  /** One message to many mailboxes of the other provider. */
  readonly recipients: Stretch
}

export const STEADY_SHARE = 0.7
const SMALL = 20 * 1024
const LARGE = 30e6
export const HUGE = 99e6
/** Large messages submitted at the same time. */
const LARGE_SESSIONS = 3
/** Small messages a second beside them. */
const SMALL_RATE = 10

export async function measureExchanges(pace: ExchangePace, progress: (what: string) => void): Promise<ExchangeFigures> {
  const log = new ExchangeLog(['accepted', 'message', 'acceptance', 'receipt'])
  const plan = { workers: pace.workers, connections: pace.connections, mailboxes: Math.max(1, pace.recipients) }
  progress('starting two providers')
  return withProviders(plan, log, async (providers) => {
    const { sender, neighbour, sessions } = providers
    const load = { sessions, next: mailMix(mixedSizes(pace.mix), sender, [neighbour, providers.peer(0)]), log }
    await saturate(load, pace.warmUp, pace.connections)
    log.take()
    progress(`the mix, ${pace.connections} connections, as fast as it goes`)
    const saturation = await stretch(
      providers,
      pace.huge ? () => saturateWithHuge(providers, load, pace) : () => saturate(load, pace.saturation, pace.connections),
    )
    progress(`the mix at ${STEADY_SHARE * 100} % of that rate`)
    const steady = await stretch(providers, () => trickle(load, pace.steady, saturation.messagesPerSecond * STEADY_SHARE))
    progress('messages of 30 MB')
    const { large: few, small } = largeAndSmall(providers)
    const large = await stretch(providers, async () => {
      await Promise.all([saturate(few, pace.large, Infinity), trickle(small, pace.large, SMALL_RATE)])
    })
    progress(`a message to ${pace.recipients} recipients`)
    const peers = Array.from({ length: pace.recipients }, (_, number) => providers.peer(number))
    const many = messageMaker(SMALL, sender, peers)
    const recipients = await stretch(providers, () => submitOne({ sessions, next: () => many, log }))
    return { saturation, steady, large, recipients }
  })
}

/** Of work that tells no rate of its own, the rate is that from the first message to the last thing owed. */
async function stretch({ log, watch }: Providers, work: () => Promise<unknown>): Promise<Stretch> {
  let rate: unknown
  const processes = await watch(async () => {
    rate = await work()
  })
  const { exchanges, seconds } = log.take()
  const { length } = exchanges
  return {
    messages: length,
    messagesPerSecond: typeof rate === 'number' ? rate : length / seconds,
    latencies: quantiles(exchanges),
    processes,
  }
}

/** The rate of the others, with one message of 100 MB among them. */
async function saturateWithHuge(providers: Providers, load: Load, pace: ExchangePace): Promise<number> {
  const { sender, neighbour, log } = providers
  const huge = messageMaker(HUGE, sender, [neighbour])
  const [first, ...sessions] = load.sessions
  const alone = { sessions: first === undefined ? [] : [first], next: () => huge, log }
  const [rate] = await Promise.all([saturate({ ...load, sessions }, pace.saturation, pace.connections), submitOne(alone)])
  return rate
}

/** Large messages to the own provider, to the other one, and ones that have to be encoded anew; and small ones. */
function largeAndSmall({ sessions, sender, neighbour, peer, log }: Providers): { readonly large: Load; readonly small: Load } {
  const small = messageMaker(SMALL, sender, [neighbour])
  const makers = [
    messageMaker(LARGE, sender, [neighbour]),
    messageMaker(LARGE, sender, [peer(0)]),
    messageMaker(LARGE, sender, [neighbour], { eightBit: true, brief: true }),
  ]
  let turn = 0
  const next = () => makers[turn++ % makers.length] ?? small
  return {
    large: { sessions: sessions.slice(0, LARGE_SESSIONS), next, log },
    small: { sessions: sessions.slice(LARGE_SESSIONS), next: () => small, log },
  }
}
