/** The figures of all processes of a node, added up in the master: workers are asked over the cluster's own channel. */
import cluster, { type Worker } from 'node:cluster'
import { AggregatorRegistry, type MetricObjectWithValues, type MetricValue, type Registry } from 'prom-client'

type Figures = MetricObjectWithValues<MetricValue<string>>[]

interface Question {
  readonly pecFigures: 'asked'
  readonly id: number
}

interface Answer {
  readonly pecFigures: 'told'
  readonly id: number
  readonly figures: Figures
}

/** How long a worker is waited for: one that hangs must not hide the others. */
const PATIENCE_MS = 2000

/** In a worker: answers the master. */
export function answerMaster(registry: Registry): void {
  process.on('message', (message: unknown) => {
    if (!isQuestion(message)) return
    void registry.getMetricsAsJSON().then((figures) => {
      const answer: Answer = { pecFigures: 'told', id: message.id, figures }
      if (process.connected) process.send?.(answer)
    })
  })
}

/** What the workers of a node told when they were asked, by their ids; undefined for one that did not answer. */
export type Told = ReadonlyMap<number, Figures | undefined>

/**
 * The figures of a node: those of its own process and of every worker that answers. What a process has counted that is gone, or does
 * not answer now, stays counted: Prometheus would take a sum that falls for one that began again from nothing.
 */
export class NodeFigures {
  private readonly ask: () => Promise<Told>
  private readonly last = new Map<number, Figures>()
  private gone: Figures = []
  private own: Registry | undefined

  /** In the master `ask` is askWorkers. */
  constructor(ask: () => Promise<Told>) {
    this.ask = ask
  }

  /** As Prometheus reads them. `own` may be another one than before, where the process has begun to count anew. */
  async text(own: Registry): Promise<string> {
    const told = await this.ask()
    if (this.own !== own && this.own !== undefined) await this.keep(await this.own.getMetricsAsJSON())
    this.own = own
    for (const [id, figures] of this.last)
      if (!told.has(id)) {
        this.last.delete(id)
        await this.keep(figures)
      }
    const ofWorkers = [...told].map(([id, figures]) => {
      if (figures !== undefined) this.last.set(id, figures)
      return figures ?? counted(this.last.get(id) ?? [])
    })
    return AggregatorRegistry.aggregate([await own.getMetricsAsJSON(), ...ofWorkers, this.gone]).metrics()
  }

  private async keep(figures: Figures): Promise<void> {
    this.gone = await AggregatorRegistry.aggregate([this.gone, counted(figures)]).getMetricsAsJSON()
  }
}

/** Ours that only grow. What Node.js tells of a process ends with it. */
function counted(figures: Figures): Figures {
  return figures.filter(({ name, type }) => name.startsWith('pec_') && ['counter', 'histogram'].includes(String(type)))
}

let questions = 0

/** In the master: asks every worker, also those that are told to go and still at work. */
export async function askWorkers(): Promise<Told> {
  const workers = Object.values(cluster.workers ?? {}).filter((worker) => worker !== undefined)
  const answers = workers.map(async (worker): Promise<[number, Figures | undefined]> => {
    return [worker.id, worker.isConnected() ? await ask(worker) : undefined]
  })
  return new Map(await Promise.all(answers))
}

function ask(worker: Worker): Promise<Figures | undefined> {
  const question: Question = { pecFigures: 'asked', id: ++questions }
  return new Promise((resolve) => {
    const settle = (figures: Figures | undefined): void => {
      clearTimeout(timer)
      worker.off('message', hear)
      resolve(figures)
    }
    const hear = (message: unknown): void => {
      if (isAnswer(message) && message.id === question.id) settle(message.figures)
    }
    const timer = setTimeout(() => settle(undefined), PATIENCE_MS)
    worker.on('message', hear)
    worker.send(question, (error) => {
      if (error !== null) settle(undefined)
    })
  })
}

function isQuestion(message: unknown): message is Question {
  return isObject(message) && message['pecFigures'] === 'asked'
}

function isAnswer(message: unknown): message is Answer {
  return isObject(message) && message['pecFigures'] === 'told'
}

function isObject(message: unknown): message is Readonly<Record<string, unknown>> {
  return typeof message === 'object' && message !== null
}
