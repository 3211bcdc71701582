import { Body, Controller, Get, Param, Put } from '@nestjs/common';
import type { FieldRule } from 'tidemark';
import { InjectTidemark, TideScope } from 'tidemark/nest';
import type { Tide, World } from './campaign/model.js';

@Controller('rules')
export class Rules {
  constructor(@InjectTidemark() private readonly tide: Tide) {}

  @Get()
  list() {
    return this.tide.rules.list();
  }

  /** Refused as it is checked: 400 with what is wrong, 409 if somebody else has saved it since. */
  @Put(':id')
  async save(@TideScope() world: World, @Param('id') id: string, @Body() rule: FieldRule) {
    const { rule: saved } = await this.tide.rules.save({ ...rule, id }, { by: world.principal?.name });
    return saved;
  }

  @Get('why/:id/:field')
  why(@Param('id') id: string, @Param('field') field: 'income' | 'isTradeHub') {
    return this.tide.rules.explain('settlement', id, field);
  }
}
