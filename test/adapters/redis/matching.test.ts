import { expect, onTestFinished, test } from 'vitest';
import { redisBus } from '../../../src/adapters/redis/index.js';
import { describeRedis } from '../../services/redis.js';

describeRedis((connected) => {
  test('topics are followed by pattern, but for a sharded Cluster, which says so', async () => {
    const { here, there, isolate } = connected();
    // A prefix is no pattern.
    const { prefix, wipe } = isolate();
    const [bus, peer] = [
      redisBus({ ...here, prefix: `${prefix}[a]*` }),
      redisBus({ ...there, prefix: `${prefix}[a]*` }),
    ];
    onTestFinished(() => Promise.all([bus.close(), peer.close()]).then(wipe));
    const heard: string[] = [];
    const subscribing = bus.subscribeMatching('room.?~{*}', {
      onMessage: (topic, { position, bytes }) => {
        heard.push(`${topic} ${String(position.offset)} ${Buffer.from(bytes).toString()}`);
      },
      onGap: () => undefined,
    });
    if (here.subscriber.isCluster === true) {
      await expect(subscribing).rejects.toMatchObject({ code: 'INVALID_OPTION' });
      return;
    }
    const unsubscribe = await subscribing;
    const topics = ['room.1~{a}', 'room.22~{a}', 'room.2~{}', 'other', 'room.1~{a}'];
    for (const [i, topic] of topics.entries()) await peer.publish(topic, Buffer.from(String(i)), { id: String(i) });
    await expect.poll(() => heard).toEqual(['room.1~{a} 1 0', 'room.2~{} 1 2', 'room.1~{a} 2 4']);
    await unsubscribe();
    await peer.publish('room.1~{a}', Buffer.from('late'), { id: 'late' });
    await here.subscriber.ping();
    expect(heard).toHaveLength(3);
  });
});
