import { All, Controller, Headers, type MessageEvent, Param, Req, Res, Sse } from '@nestjs/common';
import { type Observable, from, map } from 'rxjs';
import { InjectTidemark, TideScope } from 'tidemark/nest';
import { type NodeRequest, type NodeResponse, type SseHost, sseHost } from 'tidemark/sse';
import type { Tide, World } from './campaign/model.js';
import type { Asked } from './who.js';

@Controller('live')
export class Live {
  readonly #streams: SseHost<NodeRequest & Asked>;

  constructor(@InjectTidemark() tide: Tide) {
    this.#streams = sseHost(tide, { authenticate: ({ user }) => user && { principal: user } });
  }

  /** One settlement: its changes, and its computed fields whenever they come to something else. */
  @Sse('settlements/:id')
  settlement(
    @TideScope() world: World,
    @Param('id') id: string,
    @Headers('last-event-id') since?: string,
  ): Observable<MessageEvent> {
    const items = world.subscribe({ type: 'settlement', id }, { since });
    return from(items).pipe(map(({ cursor, kind, ...data }) => ({ id: cursor, type: kind, data })));
  }

  /** Rooms, as `?room=settlement:s1&room=kingdom:k1`. */
  @All()
  async rooms(@Req() request: NodeRequest & Asked, @Res() response: NodeResponse): Promise<void> {
    await this.#streams.handle(request, response);
  }
}
