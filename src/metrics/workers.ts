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

let questions = 0

/** In the master, or the only process: its own figures and those of every worker that answers, as Prometheus reads them. */
export async function figuresOfNode(own: Registry): Promise<string> {
  const workers = Object.values(cluster.workers ?? {}).filter((worker) => worker !== undefined)
  const answers = await Promise.all(workers.filter((worker) => worker.isConnected()).map(ask))
  const told = answers.filter((figures) => figures !== undefined)
  return AggregatorRegistry.aggregate([await own.getMetricsAsJSON(), ...told]).metrics()
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
