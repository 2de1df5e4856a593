import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MarkList } from '../../src/retrieval/mark-list.js'

/** Numbers all over the 32 bits, in no order; the same for the same position. */
const scattered = (position: number): number => Math.imul(position + 1, 2654435761) >>> 0

test('marks are kept once and in order, however many there are', () => {
  for (const [count, different] of [
    [0, 0],
    [3, 1],
    [4096, 4096],
    [50_000, 100],
    [50_000, 30_000],
  ] as const) {
    const list = new MarkList()
    const expected = new Set<number>()
    for (let position = 0; position < count; position++) {
      const mark = scattered(position % different)
      list.add(mark)
      expected.add(mark)
    }
    assert.deepEqual(
      [...list.sorted()],
      [...expected].sort((a, b) => a - b),
      `${count} of ${different}`,
    )
    list.add(0)
    assert.equal(list.sorted()[0], 0, 'more may follow')
  }
})
