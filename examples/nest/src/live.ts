import { All, Controller, Req, Res } from '@nestjs/common';
import { InjectTidemark } from 'tidemark/nest';
import { type NodeRequest, type NodeResponse, type SseHost, sseHost } from 'tidemark/sse';
import type { Tide } from '../../campaign/model.ts';
import type { Asked } from './who.ts';

/** Rooms, as `?room=settlement:s1&room=kingdom:k1`: changes, and computed fields that come to something else. */
@Controller('live')
export class Live {
  readonly #streams: SseHost<NodeRequest & Asked>;

  constructor(@InjectTidemark() tide: Tide) {
    this.#streams = sseHost(tide, { authenticate: ({ user }) => user && { principal: user } });
  }

  @All()
  async follow(@Req() request: NodeRequest & Asked, @Res() response: NodeResponse): Promise<void> {
    await this.#streams.handle(request, response);
  }
}
