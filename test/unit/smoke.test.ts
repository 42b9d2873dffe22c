import fc from 'fast-check'
import { Kafka } from 'kafkajs'
import { Agent } from 'undici'
import { z } from 'zod'
import Bottleneck from 'bottleneck'
test('x', () => { const a: number = 1; expect([typeof Kafka, typeof Agent, typeof z, typeof fc, typeof Bottleneck, a].length).toBe(6) })
