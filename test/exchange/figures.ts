/** What a gateway tells Prometheus, on the port of its [monitor]. */

/** By name and labels as they are written, e.g. `pec_part_down{part="ledger"}`. */
export async function figuresAt(port: number): Promise<Map<string, number>> {
  const lines = (await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()).split('\n')
  return new Map(lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]))
}

/** How many of its processes say that a part does not work. */
export async function downAt(port: number, part: string): Promise<number> {
  return (await figuresAt(port)).get(`pec_part_down{part="${part}"}`) ?? 0
}
