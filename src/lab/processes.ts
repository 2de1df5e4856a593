/** What a tree of processes consumes, read from Linux's /proc. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'

/** One reading of a process and all that descend from it. */
export interface Consumption {
  readonly processes: number
  /** User and system time of the processes alive, and of those the root has already buried. In steps of 10 ms. */
  readonly cpuMs: number
  /** Sum of each process's own highest resident size since its start or `resetPeaks`: an upper bound of the tree's peak. */
  readonly peakMb: number
  readonly residentMb: number
}

interface Stat {
  readonly parent: number
  readonly group: number
  readonly ticks: number
  readonly buriedTicks: number
}

// USER_HZ: 100 on every architecture Node runs on.
const MS_PER_TICK = 10

/** The pids of a process tree, the root first; without the root if it has gone. */
export function processTree(root: number): number[] {
  const parents = allProcesses()
  const tree = parents.has(root) ? [root] : []
  for (let at = 0; at < tree.length; at++) {
    for (const [pid, { parent }] of parents) if (parent === tree[at]) tree.push(pid)
  }
  return tree
}

/** The pids in a process group, orphans included. */
export function processGroup(group: number): number[] {
  return [...allProcesses()].filter(([, stat]) => stat.group === group).map(([pid]) => pid)
}

export function consumption(root: number): Consumption {
  const pids = processTree(root)
  const stats = pids.map(readStat).filter((stat) => stat !== undefined)
  const ticks = stats.reduce((sum, stat) => sum + stat.ticks, 0) + (stats[0]?.buriedTicks ?? 0)
  return {
    processes: stats.length,
    cpuMs: ticks * MS_PER_TICK,
    peakMb: sumOfMegabytes(pids, 'VmHWM'),
    residentMb: sumOfMegabytes(pids, 'VmRSS'),
  }
}

/** Lets `peakMb` of every process in the tree begin anew from its present size. */
export function resetPeaks(root: number): void {
  for (const pid of processTree(root)) writeFileSync(`/proc/${pid}/clear_refs`, '5')
}

function sumOfMegabytes(pids: readonly number[], key: string): number {
  const line = new RegExp(`^${key}:\\s+(\\d+) kB$`, 'm')
  const kilobytes = pids.map((pid) => Number(line.exec(readOf(pid, 'status') ?? '')?.[1] ?? 0))
  return kilobytes.reduce((sum, value) => sum + value, 0) / 1024
}

function allProcesses(): Map<number, Stat> {
  const found = new Map<number, Stat>()
  for (const name of readdirSync('/proc')) {
    const stat = /^\d+$/.test(name) ? readStat(Number(name)) : undefined
    if (stat !== undefined) found.set(Number(name), stat)
  }
  return found
}

function readStat(pid: number): Stat | undefined {
  const text = readOf(pid, 'stat')
  if (text === undefined) return undefined
  // proc(5): the command's name, in brackets, may hold anything; state is the first field after it.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  const number = (at: number) => Number(fields[at] ?? 0)
  if (fields[0] === 'Z') return undefined
  return { parent: number(1), group: number(2), ticks: number(11) + number(12), buriedTicks: number(13) + number(14) }
}

function readOf(pid: number, file: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'latin1')
  } catch {
    return undefined // it ended meanwhile
  }
}
